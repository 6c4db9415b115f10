"""`boxoffice operator` and the runbook's commands, typed against a server with encrypted payloads."""

import asyncio
import base64
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from typer.testing import CliRunner, Result

from cli.main import app
from domain.access.operator_act import OperatorActed
from tests.fakes.engines import installed
from tests.fakes.world import SagaWorld
from tests.workflows.conftest import CODEC_KEYS, kept_server, skipping, world
from tests.workflows.test_refund import Handle, begin, ended, shown, sold

__all__ = ["kept_server", "skipping", "world"]

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()


@pytest.fixture
def client(world: SagaWorld) -> Client:
    return world.server.client


@pytest.fixture(autouse=True)
def settings(world: SagaWorld, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point the command at the server; return its address."""
    address = world.server.client.service_client.config.target_host
    keys = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in CODEC_KEYS.items())
    monkeypatch.setenv("BOXOFFICE_TEMPORAL__ADDRESS", address)
    monkeypatch.setenv("BOXOFFICE_TEMPORAL__NAMESPACE", world.server.client.namespace)
    monkeypatch.setenv("BOXOFFICE_TEMPORAL__CODEC_KEYS", keys)
    return address


async def failed(world: SagaWorld, client: Client) -> Handle:
    await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    handle = await begin(client, await world.decide_refund())
    await shown(handle, "failed", needs_operator=True)
    return handle


async def typed(*words: str) -> Result:
    """Run the command as a person does."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["operator", *words])


async def test_an_operator_looks_and_acts(world: SagaWorld, client: Client) -> None:
    """`show` tells stage, need and acts; a late or wrong act is refused with a sentence, the right one is done."""
    handle = await failed(world, client)
    told = (await typed("show", handle.id)).stdout
    assert "stage failed" in told
    assert "refund-failed at pay_refund" in told
    assert "possible: pay-by-hand --set reference=..." in told
    view: dict[str, Any] = json.loads((await typed("show", handle.id, "--json")).stdout)
    assert (view["stage"], view["needs"][0]["reason"]) == ("failed", "refund-failed")
    act = ("pay-by-hand", handle.id, "--reason", "the card is closed", "--operator", "anna")
    late = await typed(*act, "--stage", "pending", "--set", "reference=7")
    assert (late.exit_code, "the stage is failed by now" in late.stderr) == (1, True)
    wrong = await typed(*act, "--stage", "failed")
    assert (wrong.exit_code, "reference: Field required" in wrong.stderr) == (1, True)
    done = await typed(*act, "--stage", "failed", "--set", "reference=transfer 7", "--json")
    assert json.loads(done.stdout)["outcome"] == "The buyer is owed nothing more."
    assert await ended(world, handle) == "refunded"
    over = await typed(*act, "--stage", "failed", "--set", "reference=transfer 7")
    assert (over.exit_code, over.stdout) == (1, "")
    assert [event.by for event in world.store.log if isinstance(event, OperatorActed)] == ["operator/anna"]


async def test_a_server_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence and another exit code than a refusal."""
    monkeypatch.setenv("BOXOFFICE_TEMPORAL__ADDRESS", "127.0.0.1:1")
    away = await typed("show", "refund/rf_1")
    assert (away.exit_code, "did not answer" in away.stderr) == (2, True)


async def test_the_runbooks_updates_are_typed(world: SagaWorld, client: Client, settings: str) -> None:
    """Plain JSON is taken although payloads are encrypted: the text of the runbook, with the refund's id."""
    handle = await failed(world, client)
    [command] = re.findall(
        r"^\$ (temporal workflow update execute -w refund/ID --name pay_by_hand .*?\n.*)$", RUNBOOK, re.MULTILINE
    )
    words = shlex.split(command.replace("\\\n", " ").replace("refund/ID", handle.id))
    typing = await asyncio.create_subprocess_exec(
        installed(words[0]),
        *words[1:],
        *("--address", settings, "--namespace", client.namespace),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await typing.communicate()
    assert b"encoding binary/encrypted" in told  # the answer is: the program has no codec here
    assert await ended(world, handle) == "refunded"
