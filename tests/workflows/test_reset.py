"""A purchase whose history fits no build is reset to its first task, by the command of the runbook, and ends well."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from activities.core.acts import RETRY_NOW
from tests.fakes.engines import dev_server, installed
from tests.fakes.operator import operate
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.world import PurchaseHandle, SagaWorld
from tests.matrix.next_version import NEXT_VERSION
from tests.workflows.buyer import paid
from workflows.purchase import PurchaseWorkflow

pytestmark = pytest.mark.slow  # a development server: the one that skips time resets nothing
RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED


@pytest.fixture
async def engine() -> AsyncIterator[WorkflowEnvironment]:
    async with await dev_server() as server:
        yield server


async def reset(world: SagaWorld, handle: PurchaseHandle) -> PurchaseHandle:
    """Type the runbook's commands, to see the failure and to mend it; return the new run."""
    assert "TMPRL1100" in await typed(world, handle, r"^\$ (temporal workflow show .*purchase/ID)")
    await typed(world, handle, r"`(temporal workflow reset -w purchase/ID [^`]*)`")
    return world.server.client.get_workflow_handle_for(PurchaseWorkflow.run, handle.id)


async def typed(world: SagaWorld, handle: PurchaseHandle, pattern: str) -> str:
    """Type a command of the runbook; return what it says."""
    [command] = set(re.findall(pattern, RUNBOOK, re.MULTILINE))
    address = world.server.client.service_client.config.target_host
    words = shlex.split(command.replace("purchase/ID", handle.id))
    command_line = (installed(words[0]), *words[1:], "--address", address)
    typing = await asyncio.create_subprocess_exec(
        *command_line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await typing.communicate()
    assert typing.returncode == 0, told
    return told.decode()


async def fits_no_build(handle: PurchaseHandle) -> str:
    """Wait until the present build has failed at the history; return the failure."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async for event in handle.fetch_history_events():
                if event.event_type == FAILED:
                    return event.workflow_task_failed_event_attributes.failure.message
            await asyncio.sleep(0.1)


async def begun_by_a_lost_build(world: SagaWorld, hold_seconds: int = 600) -> PurchaseHandle:
    """Begin a purchase on a build that goes away: its flag is in the history, and no build that runs knows it."""
    await world.open_show(hold_seconds=hold_seconds)
    async with world.running(workflows=NEXT_VERSION):
        handle, _ = await world.buy(world.server.client)
        assert "tried now" in await operate(handle, RETRY_NOW)  # an act is in the history, too
    return handle


@pytest.mark.parametrize("pays", ["before the reset", "after the reset"])
async def test_a_purchase_that_waits_for_its_buyer(engine: WorkflowEnvironment, pays: str) -> None:
    """It is sold once, whenever the money comes."""
    world = SagaWorld(engine)
    handle = await begun_by_a_lost_build(world)
    async with world.running():
        if pays.startswith("before"):
            await paid(world, handle)
        else:
            await handle.signal(PurchaseWorkflow.look_again)
        assert "TMPRL1100" in await fits_no_build(handle)
        again = await reset(world, handle)
        if pays.startswith("after"):
            await paid(world, again)
        assert (await again.result()).outcome == "fulfilled"
    assert (await world.stock(), world.gateway.effects["capture_intent"]) == ((8, 0, 2), 1)
    assert world.gateway.effects["create_intent"] == 1
    await world.check_invariants()


async def test_a_purchase_that_nobody_pays(engine: WorkflowEnvironment) -> None:
    """Its hold ran out while it stood still: it ends without a sale."""
    world = SagaWorld(engine)
    world.poll_seconds = 1
    handle = await begun_by_a_lost_build(world, hold_seconds=3)
    async with world.running():
        await fits_no_build(handle)
        result = await (await reset(world, handle)).result()
    assert (result.outcome, result.reason, await world.stock()) == ("cancelled", "hold-expired", (10, 0, 0))
    await world.check_invariants()


async def test_a_sale_that_is_not_minted(engine: WorkflowEnvironment) -> None:
    """The money is taken, and the chain was away: every ticket is minted, and nothing is taken twice."""
    world = SagaWorld(engine)
    await world.open_show()
    world.chain.fail_before("sign", 1_000)
    async with world.running(workflows=NEXT_VERSION):
        handle, _ = await world.buy(engine.client)
        await paid(world, handle)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await world.order()).state != "confirmed":  # noqa: ASYNC110 - the store sets no event
                await asyncio.sleep(0.05)
    world.chain.mend("sign")
    async with world.running():
        await handle.signal(PurchaseWorkflow.look_again)
        await fits_no_build(handle)
        assert (await (await reset(world, handle)).result()).outcome == "fulfilled"
    assert world.gateway.effects["capture_intent"] == 1
    assert world.books()["venue:ve:payable", "eur"] == 2000
    await world.check_invariants()
