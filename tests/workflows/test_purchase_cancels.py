"""Cancels of a purchase, by its buyer and by an operator, at every step."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities.core.commands import EndPurchase
from activities.payments.intent import PaymentActivities
from activities.sales.order import SalesActivities, cancel
from domain.core.errors import CancelTooLate, WrongState
from domain.core.transient import TransientError
from domain.orders.order import CheckoutOpened
from domain.payments.payment_intent import IntentRequest, IntentState
from tests.fakes.gates import Gate
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.world import PurchaseHandle, SagaWorld
from tests.workflows.buyer import paid, sold
from workflows.core import patches
from workflows.purchase import CheckoutAnswer, PurchaseWorkflow


async def test_a_buyers_cancel_during_the_payment_wait(world: SagaWorld, client: Client) -> None:
    """A buyer's cancel releases the payment and the seats."""
    await world.open_show()
    handle, _ = await world.buy(client)
    await world.purchases.request_cancel((await world.order()).identity)
    await handle.signal(PurchaseWorkflow.buyer_cancelled)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "purchase-cancelled")


async def test_a_buyers_cancel_against_the_capture(world: SagaWorld, client: Client) -> None:
    """A cancel recorded first refuses the capture; after the capture is requested a cancel is too late."""
    await world.open_show()
    gate = world.gates.close("confirm_seats", "before")
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await gate.reached.wait()
    await world.purchases.request_cancel((await world.order()).identity)
    gate.open.set()
    assert (await world.ended(handle)).reason == "purchase-cancelled"
    handle, _ = await world.buy(client, key="second")
    late = world.gates.close("capture_payment", "before")
    await paid(world, handle, "second")
    await late.reached.wait()
    with pytest.raises(CancelTooLate):
        await world.purchases.request_cancel((await world.order("second")).identity)
    late.open.set()
    assert (await world.ended(handle)).outcome == "fulfilled"


BEFORE_PIVOT = ["place_order", "create_intent", "look_at_intent", "confirm_seats"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", BEFORE_PIVOT)
async def test_an_operators_cancel_during_each_step(world: SagaWorld, client: Client, name: str, when: str) -> None:
    """A cancel during any step before the capture undoes every step, and the workflow closes as cancelled."""
    await world.open_show()
    gate = world.gates.close(name, "before" if when == "before" else "after")
    buying = asyncio.create_task(world.buy(client))
    if name in {"look_at_intent", "confirm_seats"}:
        handle, _ = await buying
        await paid(world, handle)
    await gate.reached.wait()
    handle = client.get_workflow_handle_for(PurchaseWorkflow.run, f"purchase/{(await world.order()).identity}")
    await handle.cancel()
    await asyncio.sleep(0.1)
    gate.open.set()
    with pytest.raises(WorkflowFailureError):
        await world.ended(handle)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert await world.stock() == (10, 0, 0)
    assert (await world.order()).end_reason == "operator-cancelled"
    await buying


@pytest.mark.parametrize("name", ["capture_payment", "confirm_order", "mint_ticket", "settle_sale", "fulfil_order"])
async def test_a_cancel_after_the_pivot_changes_nothing(world: SagaWorld, client: Client, name: str) -> None:
    """After the capture has begun, the remaining steps complete."""
    await world.open_show()
    gate = world.gates.close(name, "after")
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await gate.reached.wait()
    await handle.cancel()
    await asyncio.sleep(0.1)
    gate.open.set()
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_an_order_that_ended_in_the_queue_is_never_paid(world: SagaWorld, client: Client) -> None:
    """The checkout was about to open when its time in the queue ended: no payment, and free seats."""
    await world.open_show()
    gate = world.gates.close("create_intent", "before")
    buying = asyncio.ensure_future(world.buy(client))
    await gate.reached.wait()
    purchase = await world.ref()
    await world.store.commit(lambda uow: cancel(uow, EndPurchase(purchase=purchase, reason="queue-expired")))
    gate.open.set()
    handle, answer = await buying
    assert (answer.state, answer.refusal_code) == ("ended", "purchase-cancelled")
    assert (await world.ended(handle)).outcome == "cancelled"
    assert world.checkouts.kept == {}
    assert (await world.order()).end_reason == "queue-expired"


async def test_an_order_that_ends_while_its_intent_is_made_is_never_paid(
    world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intent at Stripe is recorded and cancelled, and no secret is given out."""
    await world.open_show()
    create = world.gateway.create_intent

    async def created_and_ended(request: IntentRequest, key: str) -> IntentState:
        state = await create(request, key)
        purchase = await world.ref()
        await world.store.commit(lambda uow: cancel(uow, EndPurchase(purchase=purchase, reason="queue-expired")))
        return state

    monkeypatch.setattr(world.gateway, "create_intent", created_and_ended)
    handle, answer = await world.buy(client)
    assert (answer.state, answer.refusal_code) == ("ended", "purchase-cancelled")
    assert (await world.ended(handle)).outcome == "cancelled"
    assert (await world.gateway.retrieve_intent(await world.intent_id())).status == "canceled"
    assert world.checkouts.kept == {}


@pytest.mark.parametrize("known", [True, False], ids=["an event", "only Stripe knows"])
async def test_a_cancel_after_a_task_that_was_lost_at_stripe(world: SagaWorld, client: Client, *, known: bool) -> None:
    """Its local steps are in no history: the next try, which receives the cancel, cancels their payment."""
    await world.open_show()
    purchase = await world.only_requested()
    if not known:
        world.gateway.fail_after("create_intent")
    with suppress(TransientError):
        run = ActivityEnvironment().run
        await run(SalesActivities(world.store).place_order, purchase)
        await run(PaymentActivities(world.store, world.gateway, world.checkouts).create_intent, purchase)
    await world.purchases.request_cancel(purchase.purchase_id)
    handle, answer = await world.start(client, purchase)
    assert (answer.state, answer.refusal_code) == ("ended", "purchase-cancelled")
    assert (await world.ended(handle)).reason == "purchase-cancelled"
    assert [intent.status for intent in world.gateway.intents.values()] == ["canceled"]
    assert await world.stock() == (10, 0, 0)


@pytest.mark.leaves_open(reason="nobody pays the open checkout")
async def test_the_secret_is_stored_before_the_checkout_opens(
    world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client reads the secret when the checkout opens, so it is stored before that event."""
    await world.open_show()
    keep, open_then = world.checkouts.keep, []

    async def watched(purchase_id: str, client_secret: str) -> None:
        open_then.append([event for event in world.store.log if isinstance(event, CheckoutOpened)])
        await keep(purchase_id, client_secret)

    monkeypatch.setattr(world.checkouts, "keep", watched)
    await world.buy(client)
    assert open_then == [[]]


async def test_a_former_attempts_money_is_the_newer_ones(world: SagaWorld, client: Client) -> None:
    """A late cancel for a former attempt leaves the payment: it was cancelled then, or has bought the seats since."""
    await sold(world, client)
    purchase = await world.ref()
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    former = purchase.model_copy(update={"attempt": purchase.attempt - 1})
    assert await ActivityEnvironment().run(payments.cancel_payment, former) is None


async def test_a_sold_purchase_that_is_gone_through_again_cannot_be_cancelled(world: SagaWorld, client: Client) -> None:
    """A new run after a lost workflow reads the sale from the events: a cancel changes nothing."""
    await sold(world, client)
    gate = world.gates.close("place_order", "after")
    again, answer = await _again(world, client, gate)
    assert (answer.state, (await world.ended(again)).outcome) == ("open", "fulfilled")
    assert world.gateway.refunded_minor == 0


async def test_the_money_of_a_sale_is_not_let_go(world: SagaWorld, client: Client) -> None:
    """The compensation of a sold order is refused, and the money stays."""
    await sold(world, client)
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    with pytest.raises(WrongState):
        await ActivityEnvironment().run(payments.cancel_payment, await world.ref())


async def _again(world: SagaWorld, client: Client, gate: Gate) -> tuple[PurchaseHandle, CheckoutAnswer]:
    """Start the purchase again and cancel it at its first step."""
    buying = asyncio.create_task(world.buy(client))
    await gate.reached.wait()
    await client.get_workflow_handle(f"purchase/{(await world.order()).identity}").cancel()
    await asyncio.sleep(0.1)
    gate.open.set()
    return await asyncio.wait_for(buying, PATIENCE_SECONDS)


async def test_a_purchase_begun_before_the_flag_asks_nobody_about_its_payment(
    world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the way of its history: a cancel before the first call of Stripe only frees the seats."""
    monkeypatch.setattr(patches, "MONEY_OF_A_LOST_TASK", SimpleNamespace(on=lambda: False))
    await world.open_show()
    purchase = await world.request()
    await world.purchases.request_cancel(purchase.purchase_id)
    handle, _ = await world.start(client, purchase)
    assert (await world.ended(handle)).reason == "purchase-cancelled"
    assert await world.stock() == (10, 0, 0)
