"""Operators' acts: refused with a sentence when they are wrong or late, recorded with their operator when accepted."""

import asyncio
import re
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from activities.core.acts import PAY_BY_HAND, RETRY_NOW
from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from domain.access.operator_act import OperatorActed
from domain.core.errors import WrongState
from tests.fakes.operator import operate, refused, refused_raw, seen_by_operator
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.time_skipping import skipping_time
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import sold as bought
from tests.workflows.test_refund import ended, failed, shown
from workflows.core.activity_calls import BUG_PAUSE
from workflows.core.reasons import Reason
from workflows.core.runs.line import SPREAD
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.dispute import DisputeWorkflow

HURRIED = 5  # acts of an impatient operator
WRONG: tuple[tuple[tuple[object, ...], str], ...] = (
    ((), "got 0 inputs"),
    (("bank transfer 7",), "got a str"),
    ((7,), "got a int"),
    ((None,), "got a NoneType"),
    (({}, {}), "got 2 inputs"),
    (({"operator": "anna", "reason": "why", "stage": "failed"},), "reference: Field required"),
    (({"operator": "Anna B", "reason": "why", "stage": "failed", "reference": "7"},), "operator: String should match"),
    (({"operator": "anna", "reason": " ", "stage": "failed", "reference": "7"},), "reason: String should have at"),
    (({"operator": "anna", "reason": "why", "stage": "failed", "reference": "7", "sum": 1},), "sum: Extra inputs"),
    (({"operator": "anna", "reason": "why", "stage": "refunding", "reference": "7"},), "the stage is failed by now"),
)


async def test_a_wrong_act_is_refused_with_a_sentence(world: SagaWorld, client: Client) -> None:
    """Nothing that is typed fails the workflow's task or changes anything; the right act ends it afterwards."""
    _, handle = await failed(world, client)
    for given, sentence in WRONG:
        assert sentence in await refused_raw(handle, PAY_BY_HAND.name, *given)
    with pytest.raises(WorkflowUpdateFailedError) as unknown:  # the SDK's own answer, before any act of ours
        await handle.execute_update("paid_by_hand", "bank transfer 7", result_type=str)
    assert "paid_by_hand" in repr(unknown.value.cause)
    assert not any(isinstance(event, OperatorActed) for event in world.store.log)
    assert "nothing more" in await operate(handle, PAY_BY_HAND, reference="bank transfer 7")
    assert await ended(world, handle) == "refunded"
    events = [event async for event in handle.fetch_history_events()]
    assert not any(event.HasField("workflow_task_failed_event_attributes") for event in events)


async def test_an_act_is_recorded_with_its_operator(world: SagaWorld, client: Client) -> None:
    """The event names workflow, act, stage, reason and the act's own fields; its actor is the operator."""
    _, handle = await failed(world, client)
    world.gateway.allow("refund_intent")
    await operate(handle, PAY_BY_HAND, reference="bank transfer 7")
    await ended(world, handle)
    [acted] = [event for event in world.store.log if isinstance(event, OperatorActed)]
    assert (acted.workflow_id, acted.act, acted.stage) == (handle.id, "pay_by_hand", "failed")
    assert (acted.by, acted.reason, acted.details) == (
        "operator/anna",
        "a test wants it",
        {"reference": "bank transfer 7"},
    )
    [paid] = [event for event in world.store.log if event.TOPIC == "refunds.refund-paid-by-hand"]
    assert paid.by == "operator/anna"


async def test_an_operator_sees_why_since_when_and_the_acts(world: SagaWorld, client: Client) -> None:
    """The query and the details name reason, cause, beginning, and each act with its cost, without a contradiction."""
    _, handle = await failed(world, client)
    view = await seen_by_operator(handle)
    [need] = view.needs
    assert (view.stage, need.reason, need.step) == ("failed", Reason.REFUND_FAILED, "pay_refund")
    assert need.cause == "expired_or_canceled_card"
    assert [act.name for act in view.acts] == ["retry_now", "pay_by_hand"]
    assert all(act.cost for act in view.acts)
    details = await details_of(handle)
    assert f"since {need.since.isoformat(timespec='seconds')}" in details
    assert "not tried again by itself" in details
    assert "tried again by itself" not in details.replace("not tried again by itself", "")
    world.gateway.allow("refund_intent")
    await operate(handle, RETRY_NOW)
    await ended(world, handle)
    assert (await seen_by_operator(handle)).acts == ()
    assert (await handle.describe()).typed_search_attributes[NEEDS_OPERATOR] is False


async def test_a_need_that_lasts_keeps_its_beginning(world: SagaWorld, client: Client) -> None:
    """A second failure is the same need; a try in between ends it."""
    _, handle = await failed(world, client)
    [first] = (await seen_by_operator(handle)).needs
    await operate(handle, RETRY_NOW)
    await shown(handle, "failed", needs_operator=True)
    [second] = (await seen_by_operator(handle)).needs
    assert second.since >= first.since
    world.gateway.allow("refund_intent")
    await operate(handle, RETRY_NOW, stage="failed")
    await ended(world, handle)


async def test_an_effect_that_a_rule_refuses_is_refused_to_the_operator(world: SagaWorld, client: Client) -> None:
    """The act is not recorded, and the workflow goes on."""
    _, handle = await failed(world, client)
    world.gates.fail("record_operator_act", WrongState("the books are closed"))
    trying = world.gates.close("pay_refund", "before")
    assert await refused(handle, RETRY_NOW) == "retry_now is not possible: the books are closed"
    world.gateway.allow("refund_intent")
    trying.open.set()
    assert await ended(world, handle) == "refunded"
    assert not any(isinstance(event, OperatorActed) for event in world.store.log)


async def test_a_pause_ends_when_an_operator_wants_a_try(world: SagaWorld, client: Client) -> None:
    """A step that is refused waits a minute before the next round; `retry_now` does not wait for it."""
    dispute = world.gateway.dispute(await bought(world, client))
    world.gateway.refuse("retrieve_dispute")
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute.dispute_id)
    handle = await client.start_workflow(DisputeWorkflow.run, ref, id="dispute/it", task_queue=PURCHASES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (view := await seen_by_operator(handle)).needs:  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.02)
    assert (view.needs[0].reason, view.acts[0].name) == (Reason.REFUSED, "retry_now")
    world.gateway.allow("retrieve_dispute")
    world.gateway.end_dispute(await world.intent_id(), dispute.dispute_id, won=True)
    await operate(handle, RETRY_NOW)
    with world.server.auto_time_skipping_disabled():
        assert await handle.result() == "won"


async def details_of(handle: Any) -> str:
    """Return the details that the web UI shows."""
    metadata = await handle.query("__temporal_workflow_metadata")
    text = str(metadata.current_details)
    assert not re.search(r"\s\s\n", text)
    return text


@pytest.mark.leaves_open(reason="the test ends before its dispute")
async def test_hurried_tries_do_not_lengthen_a_steps_pause(world: SagaWorld, client: Client) -> None:
    """However often an operator tries a step, its pause stays a minute; the next one grows once that is over."""
    dispute = world.gateway.dispute(await bought(world, client))
    world.gateway.refuse("retrieve_dispute")
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute.dispute_id)
    with world.server.auto_time_skipping_disabled():
        handle = await client.start_workflow(DisputeWorkflow.run, ref, id="dispute/it", task_queue=PURCHASES)
        for number in range(HURRIED):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(await pauses_of(handle)) <= number:  # noqa: ASYNC110 - a history
                    await asyncio.sleep(0.02)
            await operate(handle, RETRY_NOW)
    async with skipping_time(world.server), asyncio.timeout(PATIENCE_SECONDS):
        while len(await pauses_of(handle)) < HURRIED + 2:  # noqa: ASYNC110 - a history
            await asyncio.sleep(0.02)
    await handle.terminate()
    *hurried, grown = (await pauses_of(handle))[: HURRIED + 2]
    assert hurried == [BUG_PAUSE.seconds] * (HURRIED + 1)
    assert 2 * BUG_PAUSE.seconds <= grown <= 2 * BUG_PAUSE.seconds * (1 + SPREAD)


async def pauses_of(handle: WorkflowHandle[Any, Any]) -> list[int]:
    """Return the pauses before the rounds of a step, in seconds."""
    events = [event async for event in handle.fetch_history_events()]
    timers = [one.timer_started_event_attributes for one in events if one.HasField("timer_started_event_attributes")]
    return [timer.start_to_fire_timeout.seconds for timer in timers]
