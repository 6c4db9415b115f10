"""Operators' acts in the course of a sale, a cancellation and an undo: taken where they are safe, refused elsewhere."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.testing import ActivityEnvironment

from activities.access.operator_acts import OperatorActivities, RecordAct
from activities.core.acts import EXTEND_HOLD, FORCE_MINT, GIVE_UP, PAUSE, REFUND, RESOLVE_CASE, RESUME
from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from domain.access.operator_act import OperatorActed
from domain.catalog.show_cancellation import ShowCancellation
from domain.core.errors import WrongState
from domain.payments.follow_up import FollowUp, FollowUpOpened
from domain.payments.payment import Payment
from tests.fakes.gates import When
from tests.fakes.operator import operate, operate_in, refused, seen_by_operator, sentence_of
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid, sold
from tests.workflows.test_show_cancellation import begin as begin_cancellation
from tests.workflows.test_show_cancellation import call_off, ended, sell
from workflows.dispute import DisputeWorkflow


async def test_a_purchase_that_waits_is_given_up(world: SagaWorld, client: Client) -> None:
    """The seats are free, the payment is cancelled; what the operator did is in the events, once."""
    await world.open_show()
    handle, _ = await world.buy(client)
    giving_up = [operate(handle, GIVE_UP, stage="awaiting-payment"), operate(handle, GIVE_UP, stage="awaiting-payment")]
    answers = await asyncio.gather(*giving_up, return_exceptions=True)
    assert sorted(isinstance(answer, str) for answer in answers) == [False, True]
    assert (await world.ended(handle)).reason == "operator-cancelled"
    assert await world.stock() == (10, 0, 0)
    assert world.gateway.intents[await world.intent_id()].status == "canceled"
    [acted] = [event for event in world.store.log if isinstance(event, OperatorActed)]
    assert (acted.act, acted.by, acted.purchase_id) == ("give_up", "operator/anna", (await world.order()).identity)


async def test_a_purchase_is_given_up_between_seats_and_capture(world: SagaWorld, client: Client) -> None:
    """The step under way ends first; then everything is undone, also the confirmation of the seats."""
    await world.open_show()
    handle, _ = await world.buy(client)
    gate = world.gates.close("confirm_seats", "after")
    await paid(world, handle)
    await gate.reached.wait()
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP, stage="confirming"))
    await asyncio.sleep(0.3)
    gate.open.set()
    assert "without a sale" in await giving_up
    assert (await world.ended(handle)).reason == "operator-cancelled"
    assert (await world.stock(), world.gateway.captured_minor) == ((10, 0, 0), 0)


@pytest.mark.parametrize("is_local", [True, False])
async def test_a_purchase_is_given_up_during_a_look_at_its_payment(
    world: SagaWorld, client: Client, *, is_local: bool
) -> None:
    """The look ends first, and tells that nobody has paid; the act is heard after a local one, and during another."""
    await world.open_show()
    handle, _ = await world.buy(client)
    world.gates.regular |= set() if is_local else {"look_at_intent"}
    gate = world.gates.close("look_at_intent", "after")
    await handle.signal("look_again")
    await gate.reached.wait()
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP, stage="awaiting-payment"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_local and "record_operator_act" not in world.gates.ran:  # noqa: ASYNC110 - another task runs it
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    gate.open.set()
    assert "without a sale" in await giving_up
    assert (await world.ended(handle)).reason == "operator-cancelled"
    assert await world.stock() == (10, 0, 0)


@pytest.mark.slow  # the local try's five seconds are real ones
async def test_a_sale_is_not_given_up(world: SagaWorld, client: Client) -> None:
    """The capture succeeds while the act is under way: it is told that it came too late, and the sale goes on."""
    await world.open_show()
    handle, _ = await world.buy(client)
    gate = world.gates.close("capture_payment", "before")
    await paid(world, handle)
    await gate.reached.wait()
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP, stage="confirming"))
    await asyncio.sleep(7)  # the local try ends after five seconds; then the workflow hears updates
    gate.open.set()
    with pytest.raises(WorkflowUpdateFailedError) as late:
        await giving_up
    assert "too late" in sentence_of(late.value)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_a_hold_is_extended_while_its_buyer_pays(world: SagaWorld, client: Client) -> None:
    """The buyer pays long after the first deadline, and gets the seats; other acts are refused meanwhile."""
    await world.open_show(hold_seconds=60)
    handle, _ = await world.buy(client)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await seen_by_operator(handle)).acts:  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.02)
    before = (await world.order()).hold_until
    assert "held until" in await operate(handle, EXTEND_HOLD, minutes=30)
    assert (await world.order()).hold_until == before + timedelta(minutes=30)
    for kind, own in ((FORCE_MINT, {"ticket_id": "ti"}), (REFUND, {}), (RESOLVE_CASE, {"evidence": "none"})):
        assert "is not possible" in await refused(handle, kind, **own)
    # The server stops its clock itself: one that runs until this process looks may be past the new deadline by then.
    await world.server.sleep(before + timedelta(minutes=10) - await world.server.get_current_time())
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_an_undo_that_stripe_refuses_ends_by_an_operators_word(world: SagaWorld, client: Client) -> None:
    """The seats are free without another call to Stripe, where the payment is gone."""
    await world.open_show()
    handle, _ = await world.buy(client)
    world.gateway.refuse("cancel_intent")
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP, stage="awaiting-payment"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await seen_by_operator(handle)).needs:  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.05)
    assert "already" in await refused(handle, GIVE_UP)
    assert "nothing waits" in await refused(handle, EXTEND_HOLD, minutes=1)
    world.gateway.cancel_in_dashboard(await world.intent_id())
    assert "No money comes" in await operate(handle, RESOLVE_CASE, evidence="it is cancelled in the dashboard")
    assert "without a sale" in await giving_up
    await world.ended(handle)
    assert await world.stock() == (10, 0, 0)


async def test_a_cancellation_is_paused_and_resumed(world: SagaWorld, client: Client) -> None:
    """The events say who did it; the new rate counts."""
    await world.open_show()
    await sell(world, client, "a", "b")
    await call_off(world)
    gate = world.gates.close("list_orders_left", "before")
    handle = await begin_cancellation(client)
    await gate.reached.wait()
    pausing = asyncio.ensure_future(operate(handle, PAUSE))
    await asyncio.sleep(0.3)
    gate.open.set()
    assert "No further refund" in await pausing
    assert "resume" in {act.name for act in (await seen_by_operator(handle)).acts}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await seen_by_operator(handle)).stage != "paused":  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.05)
    assert "paused already" in await refused(handle, PAUSE)
    assert "at most 500 a second" in await operate_in(handle, RESUME, "paused", rate_per_second=500)
    assert await ended(world, client, handle) == "finished"
    terms = await world.store.read(lambda uow: uow.get(ShowCancellation, "sh"))
    assert terms.rate_per_second == 500
    assert [event.by for event in world.store.events_of("cancellation:sh")[1:3]] == ["operator/anna"] * 2


async def test_nobody_follows_a_dispute_that_was_given_up(world: SagaWorld, client: Client) -> None:
    """Its follow-up is closed, so that the relay does not bring it back."""
    dispute = world.gateway.dispute(await sold(world, client))
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute.dispute_id)
    name, of = f"dispute/{dispute.dispute_id}", {"tenant_id": "default", "kind": "dispute", "subject_id": "dp"}
    await world.store.commit(lambda uow: uow.add(FollowUp.begin(FollowUpOpened, name, uow.at, **of)))
    handle = await client.start_workflow(DisputeWorkflow.run, ref, id=name, task_queue=PURCHASES)
    await operate(handle, GIVE_UP, stage="disputed")
    with world.server.auto_time_skipping_disabled():
        assert await handle.result() == "given-up"
    assert not (await world.store.read(lambda uow: uow.get(FollowUp, name))).is_open
    world.gateway.end_dispute(await world.intent_id(), dispute.dispute_id, won=True)
    again = await client.start_workflow(DisputeWorkflow.run, ref, id=name, task_queue=PURCHASES)
    assert await again.result() == "won"


async def test_an_effect_that_a_rule_refuses_records_nothing(world: SagaWorld, client: Client) -> None:
    """Captured money is not called away, and seats that were sold are not held for longer."""
    intent_id = await sold(world, client)
    order = await world.order()
    activities = OperatorActivities(world.store)
    for kind, details in ((RESOLVE_CASE, {"intent_id": intent_id}), (EXTEND_HOLD, {"hold_until": "2030-01-01T00:00Z"})):
        act = RecordAct(
            workflow_id=f"payment-case/{intent_id}",
            update_id=kind.name,
            act=kind.name,
            operator="anna",
            reason="why",
            stage="late-payment",
            details=details,
            purchase_id=order.identity,
        )
        with pytest.raises(WrongState):
            await ActivityEnvironment().run(activities.record_act, act)
    assert not any(isinstance(event, OperatorActed) for event in world.store.log)
    payment = await world.store.read(lambda uow: uow.get(Payment, f"{order.identity}:1"))
    assert payment.state == "captured"


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_purchase_that_is_given_up_stays_so_when_its_undo_is_cut_off(
    world: SagaWorld, client: Client, moment: When
) -> None:
    """Before the payment was cancelled, and after: it does not wait for its buyer again, and says why it ended."""
    await world.open_show(hold_seconds=600)
    let_go = world.gates.close("cancel_payment", moment)
    handle, _ = await world.buy(client)
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP, stage="awaiting-payment"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await let_go.reached.wait()
    await handle.terminate("by force")
    let_go.open.set()
    await asyncio.gather(giving_up, return_exceptions=True)
    again, _ = await world.start(client, await world.ref())
    await world.ended(again)
    order = await world.order()
    assert (order.state, order.end_reason) == ("cancelled", "operator-cancelled")
    assert await world.stock() == (10, 0, 0)
