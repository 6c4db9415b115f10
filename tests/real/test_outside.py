"""The stack on a Temporal behind TLS and a PostgreSQL that it did not start: both are given by settings alone."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from adapters.temporal.connect import connect_to_temporal
from devstack.config import POSTGRES_URL, TEMPORAL_ADDRESS
from devstack.servers.temporal import check_temporal, make_current, temporal_command
from devstack.stack import Stack, start_stack, stop_stack
from devstack.supervisor.ports import free_port
from settings.groups import TemporalSettings
from tests.contract.postgres_box import database
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.tls_front import Authority, tls_front
from tests.real.up import UP

pytestmark = pytest.mark.real
API_KEY = "key-of-a-cluster"
BOXOFFICE = (sys.executable, "-m", "cli.main")


@asynccontextmanager
async def temporal(folder: Path) -> AsyncIterator[str]:
    """Run a Temporal server apart from any stack; return its address."""
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        *temporal_command(folder / "temporal.sqlite", port, None), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await check_temporal(f"127.0.0.1:{port}")
                    break
                except Exception:  # noqa: BLE001 - it is not up yet, whatever it says
                    await asyncio.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        await child.wait()


async def command(env: dict[str, str], *words: str) -> tuple[int, str]:
    """Run `boxoffice` beside the stack; return its exit code and what it printed."""
    child = await asyncio.create_subprocess_exec(
        *BOXOFFICE, *words, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await child.communicate()
    return child.returncode or 0, out.decode() + err.decode()


@pytest.mark.nightly
async def test_a_purchase_on_a_temporal_behind_tls_and_a_database_from_outside(tmp_path: Path) -> None:
    """A purchase is sold through the front, the commands read through it, and nobody else gets in."""
    authority, port = Authority(tmp_path), free_port()
    certificate, key = authority.certify("client")
    env = {
        "BOXOFFICE_TEMPORAL__PROFILE": "default",
        "TEMPORAL_CONFIG_FILE": str(tmp_path / "none.toml"),
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(authority.file),
        "TEMPORAL_TLS_CLIENT_CERT_PATH": str(certificate),
        "TEMPORAL_TLS_CLIENT_KEY_PATH": str(key),
        "TEMPORAL_API_KEY": API_KEY,
    }
    with database() as url:
        given = {**QUICK, **env, POSTGRES_URL: url, TEMPORAL_ADDRESS: f"127.0.0.1:{port}"}
        async with temporal(tmp_path) as plain, tls_front(port, plain, authority, API_KEY) as front:
            await make_current(plain, "boxoffice", "dev")
            stack, child = await start_stack(tmp_path / "stack", env=given, up=UP)
            try:
                assert {"postgres", "temporal"}.isdisjoint(stack.status["processes"])
                await sell(stack, url, env)
                assert front.calls > 20
                assert front.refused == 0
                await nobody_else_gets_in(f"127.0.0.1:{port}", authority, env)
                assert front.refused == 1
                folder = ("--data-dir", str(stack.folder))
                code, said = await command(env, "reconcile", "--json", *folder)
                assert (code, json.loads(said[said.index("{") : said.rindex("}") + 1])["whole"]) == (0, True), said
            finally:
                await stop_stack(tmp_path / "stack", child)


async def sell(stack: Stack, url: str, env: dict[str, str]) -> None:
    """Sell two tickets, and show the purchase."""
    async with Shop.at(stack) as shop:
        await shop.open()
        bought = (await shop.buy("outside", 2)).json()
        assert await shop.pay(bought["client_secret"]) == httpx.codes.OK
        assert (await shop.ended(bought["purchase_id"]))["state"] == "fulfilled"
    assert stack.env[POSTGRES_URL] == url
    words = ("purchase", "show", bought["purchase_id"], "--json", "--data-dir", str(stack.folder))
    code, said = await command(env, *words)
    assert (code, json.loads(said)["state"]) == (0, "fulfilled"), said


async def nobody_else_gets_in(address: str, authority: Authority, env: dict[str, str]) -> None:
    """Without a certificate, or with another key, there is no connection."""
    ours = TemporalSettings(address=address, profile="default")
    with pytest.MonkeyPatch.context() as changed:
        for name, value in env.items():
            changed.setenv(name, value)
        await (await connect_to_temporal(ours, {})).count_workflows()
        changed.setenv("TEMPORAL_API_KEY", "another")
        with pytest.raises(RuntimeError):
            await connect_to_temporal(ours, {})
        changed.setenv("TEMPORAL_API_KEY", API_KEY)
        changed.delenv("TEMPORAL_TLS_CLIENT_CERT_PATH")
        changed.delenv("TEMPORAL_TLS_CLIENT_KEY_PATH")
        with pytest.raises(RuntimeError):
            await connect_to_temporal(ours, {})
    with pytest.raises(RuntimeError):
        await Client.connect(address)
