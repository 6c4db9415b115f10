"""Histories end: a long run continues as new.

Every kind of workflow is collected from the code; the engine's suggestion comes early here, so that each one continues.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from tests.fakes.judged import judged_at_rest
from tests.fakes.short_histories import ShortHistories
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import sold
from tests.workflows.core.test_handlers import SCENES, Handle
from tests.workflows.test_refund import begin as begin_refund
from workflows.core.long_runs import GOES_ON
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.registry import declared_workflows

EVENTS_MAX = 25  # at which the engine suggests to continue as new
IN_FLIGHT_MAX = 90  # events that a run may add until its calls have come to an end
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose engine wants runs to end early."""
    runner = ShortHistories(EVENTS_MAX)
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running(runner=runner):
        yield made


async def events_of(client: Client, handle: Handle) -> list[int]:
    """Return the number of events of each run, the first one first."""
    counts, run_id = [], handle.first_execution_run_id or handle.result_run_id
    while run_id:
        run = client.get_workflow_handle(handle.id, run_id=run_id)
        events = [event async for event in run.fetch_history_events()]
        counts.append(len(events))
        run_id = events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return counts


async def outlast(world: SagaWorld, minutes: int) -> None:
    """Let time pass, in pieces that the test server gets through."""
    for _ in range(minutes):
        await world.server.sleep(MINUTE)


async def everything_away(kind: type, world: SagaWorld, client: Client) -> Handle:
    """Bring a workflow of a kind to a wait, and let every step fail from there on."""
    with world.server.auto_time_skipping_disabled():
        handle, go_on = await SCENES[kind.__name__](world, client)
        world.gates.away.add("*")
        await go_on()
    return handle


@pytest.mark.parametrize("kind", declared_workflows(), ids=lambda kind: kind.__name__)
async def test_a_long_run_continues_as_new(kind: type, world: SagaWorld, client: Client) -> None:
    """In an outage each run ends with what is in it; afterwards the workflow ends as it should."""
    handle = await everything_away(kind, world, client)
    await outlast(world, 3)
    runs = await events_of(client, handle)
    assert len(runs) > 1
    assert max(runs) <= EVENTS_MAX + IN_FLIGHT_MAX
    world.gates.away.clear()
    await handle.result()
    assert (await handle.describe()).typed_search_attributes.get(NEEDS_OPERATOR) is not True


@pytest.mark.leaves_open(reason="the test ends before its purchase")
async def test_an_update_in_flight_is_told_that_the_run_has_ended(world: SagaWorld, client: Client) -> None:
    """It does not hold up the next run, and can be sent again."""
    await world.open_show()
    world.gates.away.add("create_intent")
    purchase = await world.request()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.start(client, purchase)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == GOES_ON
    await client.get_workflow_handle(f"purchase/{purchase.purchase_id}").terminate()


async def test_a_refund_whose_tokens_cannot_be_burnt_goes_on_in_the_next_run(world: SagaWorld, client: Client) -> None:
    """The money goes back at once; the seats come back on sale once the tokens are gone, however many runs later."""
    world.show_terms["resell_refunded"] = True
    await sold(world, client)
    world.gates.away.add("burn_ticket")
    handle = await begin_refund(client, await world.decide_refund())
    await outlast(world, 3)
    assert len(await events_of(client, handle)) > 1
    world.gates.away.clear()
    assert await handle.result() == "refunded"
