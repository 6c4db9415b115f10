"""`boxoffice doctor` on a real stack: nothing where it is well, and each fault that is seeded in it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from temporalio.client import Client

from devstack.config import POSTGRES_URL
from devstack.servers.temporal import make_current
from devstack.stack import Stack, running_stack
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [pytest.mark.real, pytest.mark.nightly]
SECONDS_MAX = 120


async def examined(stack: Stack, **env: str) -> tuple[int, set[tuple[str, str]]]:
    """Run the command; return its exit code, and the check and subject of everything that it found."""
    words = (sys.executable, "-m", "cli.main", "doctor", "--json", "--data-dir", str(stack.folder))
    child = await asyncio.create_subprocess_exec(
        *words, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await child.communicate()
    assert out, err.decode()
    written: dict[str, Any] = json.loads(out)
    assert len(written["read"]) == 4, written
    return child.returncode or 0, {(one["check"], one["subject"]) for one in written["findings"]}


async def test_the_doctor_finds_what_was_done_to_a_stack(tmp_path: Path) -> None:
    """A stack that has sold is well; then each part of it is hurt, and each fault has its name."""
    async with running_stack(tmp_path, env=QUICK, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        bought = (await shop.buy("doctor")).json()
        await shop.pay(bought["client_secret"])
        await shop.ended(bought["purchase_id"])
        assert await examined(stack) == (0, set())
        code, found = await examined(stack, BOXOFFICE_ENVIRONMENT="production")
        assert code == 1
        assert {("emulators", "Stripe"), ("emulators", "Solana")} <= found
        seeded = await hurt(stack)
        code, found = await examined(stack)
        assert code == 1
        assert seeded <= found


async def hurt(stack: Stack) -> set[tuple[str, str]]:
    """Do what operators and outages do; return what is to be found."""
    key = {"Authorization": f"Bearer {stack.env['BOXOFFICE_STRIPE__API_KEY']}"}
    async with httpx.AsyncClient(base_url=stack.urls["stripe"], headers=key) as http:
        for one in (await http.get("/v1/webhook_endpoints")).json()["data"]:
            if one["url"].endswith("/connect"):
                (await http.delete(f"/v1/webhook_endpoints/{one['id']}")).raise_for_status()
                gone = one["url"]
    engine = await Client.connect(stack.urls["temporal"])
    await engine.get_schedule_handle("transfers").pause(note="by a test")
    await make_current(stack.urls["temporal"], "boxoffice", "another")
    async with await psycopg.AsyncConnection.connect(stack.env[POSTGRES_URL], autocommit=True) as connection:
        await connection.execute("UPDATE deployment SET genesis = 'another'")
        await connection.execute(
            "INSERT INTO webhook_inbox (event_id, type, digest, received_at)"
            " VALUES ('evt_lost', 'payment_intent.succeeded', '', now() - interval '1 hour')"
        )
        await connection.execute("DROP TABLE key_uses")
        await connection.execute("UPDATE alembic_version SET version_num = '0001'")
    return {
        ("webhook_endpoints", gone),
        ("schedules", "transfers"),
        ("pollers", "purchases"),
        ("pinned_chain", "Solana"),
        ("migrations", "key_uses"),
        ("migrations", "steps"),
    }
