"""Calls of activities: outages, refusals after outages, cancels of workflows that only go forward."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.core.commands import MintSubject
from activities.core.task_queues import PURCHASES
from domain.catalog.venue import Venue
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.sandbox import RUNNER
from tests.fakes.time_skipping import skipping_time
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from tests.workflows.core.cancelled_calls import CancelsItsCall
from workflows.core.activity_calls import LOCAL_ATTEMPTS, MINT_POLICY, TRANSIENT_PAUSE, _pause_after
from workflows.core.search_attributes import NEEDS_OPERATOR, STUCK_SINCE
from workflows.purchase import PurchaseInput, PurchaseWorkflow
from workflows.tokens.registration import RegisterInput, VenueWorkflow

ROUND = MINT_POLICY.attempts


async def regular_activities(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the names of the regular (not local) activities."""
    events = [event async for event in handle.fetch_history_events()]
    scheduled = [event.activity_task_scheduled_event_attributes.activity_type.name for event in events]
    return [name for name in scheduled if name]


@pytest.mark.slow  # the pauses between local tries are real ones
@pytest.mark.leaves_open(reason="the test ends before its purchase")
async def test_a_store_step_that_does_not_get_through_locally_becomes_a_regular_one(
    world: SagaWorld, client: Client
) -> None:
    """After its local tries the engine retries it as a regular activity, visible to operators."""
    await world.open_show()
    purchase = await world.request()
    world.store.refuse_connections = LOCAL_ATTEMPTS + 1
    start = PurchaseInput(purchase=purchase, show_id="sh")
    handle = await client.start_workflow(PurchaseWorkflow.run, start, id="purchase/it", task_queue=PURCHASES)
    while "create_intent" not in world.gates.ran:  # noqa: ASYNC110 - the order is placed
        await asyncio.sleep(0.05)
    assert (await regular_activities(handle))[0] == "place_order"
    assert world.gates.ran.count("place_order") == LOCAL_ATTEMPTS + 2
    await handle.terminate()


async def test_two_troubles_call_for_one_operator(world: SagaWorld, client: Client) -> None:
    """Two failing mints set `NeedsOperator` once, and it is cleared once."""
    await world.open_show()
    world.chain.fail_before("send", 20)
    handle, _ = await world.buy(client)
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"
    calls = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields.get("NeedsOperator")
        async for event in handle.fetch_history_events()
    ]
    assert sum(call is not None for call in calls) == 2
    seen = (await handle.describe()).typed_search_attributes
    assert (seen[NEEDS_OPERATOR], seen.get(STUCK_SINCE)) == (False, None)


async def test_a_pause_calls_for_no_operator(world: SagaWorld, client: Client) -> None:
    """Whatever many wait for the payer's money: one alarm was raised elsewhere; they go on when it has come."""
    await world.open_show()
    world.chain.is_paused = True
    handle, _ = await world.buy(client)
    await paid(world, handle)  # before the clock skips, which could end the hold first
    async with skipping_time(world.server):
        while world.chain.calls["sign"] < 2 * ROUND + 2:  # noqa: ASYNC110 - a round of both is over
            await asyncio.sleep(0.01)
    assert (await handle.describe()).typed_search_attributes.get(NEEDS_OPERATOR) in {None, False}
    world.chain.is_paused = False
    assert (await world.ended(handle)).outcome == "fulfilled"
    calls = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields.get("NeedsOperator")
        async for event in handle.fetch_history_events()
    ]
    assert [call for call in calls if call is not None] == []


@pytest.mark.slow  # the pauses between local tries are real ones
async def test_a_refusal_after_long_transient_errors_clears_needs_operator(world: SagaWorld, client: Client) -> None:
    """`NeedsOperator`, set because of the transient errors, is cleared once the step is refused."""
    await world.open_show()
    world.gateway.fail_before("capture_intent", 1000)
    handle, _ = await world.buy(client)
    world.gateway.pay(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    ending = asyncio.create_task(world.ended(handle))
    while world.gates.ran.count("capture_payment") < 17:  # noqa: ASYNC110 - local tries, a round, and the next has begun
        await asyncio.sleep(0.01)
    described = await handle.describe()
    stuck = described.typed_search_attributes
    assert (stuck[NEEDS_OPERATOR], stuck[STUCK_SINCE] >= described.start_time) == (True, True)
    world.gateway.refuse("capture_intent")
    assert (await ending).reason == "payment-refused"
    described = await handle.describe()
    assert described.typed_search_attributes[NEEDS_OPERATOR] is False


async def test_a_cancel_of_what_only_goes_forward_changes_nothing(world: SagaWorld, client: Client) -> None:
    """A registration that is cancelled while it mints the group still completes."""
    await world.announce()
    gate = world.gates.close("mint_group", "before")
    subject = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    start = RegisterInput(subject=subject)
    handle = await client.start_workflow(VenueWorkflow.run, start, id="venue/ve", task_queue=PURCHASES)
    await gate.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.1)
    gate.open.set()
    minted = await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)
    assert (await world.store.read(lambda uow: uow.get(Venue, "ve"))).mint_address == minted.mint_address


@pytest.mark.parametrize("how", ["call", "attempt"])
async def test_a_cancelled_call_is_not_tried_again(world: SagaWorld, client: Client, how: str) -> None:
    """A cancel is neither a transient error nor a refusal: the caller gets it, and no retry follows."""
    gate = world.gates.close("expire_reservation", "before")
    async with Worker(client, task_queue="cancels-its-call", workflows=[CancelsItsCall], workflow_runner=RUNNER):
        handle = await client.start_workflow(
            CancelsItsCall.run, how, id="cancels-its-call", task_queue="cancels-its-call"
        )
        await gate.reached.wait()
        await handle.signal(CancelsItsCall.cancel_call)
        assert await handle.result() == "ActivityError"
    gate.open.set()
    assert world.gates.ran == ["expire_reservation"]


def test_an_activity_that_ran_out_of_time_waits_as_an_outage_does() -> None:
    """A timeout is no error of the activity, and asks for no pause of its own."""
    assert _pause_after(None) == TRANSIENT_PAUSE
