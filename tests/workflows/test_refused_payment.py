"""A payment that Stripe refuses for good: the buyer hears it, nothing stays held, and it is not asked for again."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.core.commands import EndPurchase, LatePayment, PurchaseRef
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.sales.order import SalesActivities
from domain.core.errors import PaymentRefused
from domain.orders.personal_data import PersonalData
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.time_skipping import skipping_time
from tests.fakes.world import PurchaseHandle, SagaWorld
from tests.workflows.buyer import paid
from workflows.purchase import PurchaseResult, PurchaseWorkflow

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md

REASON = "amount_too_large"


async def test_a_refused_payment_ends_the_purchase(world: SagaWorld, client: Client) -> None:
    """The intent is asked for once; the answer has the reason; the seats are free and the workflow ends."""
    await world.open_show()
    world.gateway.refuse("create_intent", REASON)
    handle, answer = await world.buy(client)
    assert (answer.state, answer.refusal_code, answer.refusal_reason) == ("ended", "payment-refused", REASON)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "payment-refused")
    assert world.gateway.calls["create_intent"] == 1
    assert await world.stock() == (10, 0, 0)


@pytest.mark.parametrize("how", ["buyer", "operator"])
@pytest.mark.parametrize("name", ["create_intent", "cancel_payment", "cancel_order"])
async def test_a_cancel_while_the_payment_is_refused(world: SagaWorld, client: Client, how: str, name: str) -> None:
    """A cancel at the same time changes nothing but the reason: the workflow ends, and nothing stays held."""
    await world.open_show()
    world.gateway.refuse("create_intent", REASON)
    gate = world.gates.close(name, "before")
    buying = asyncio.create_task(world.buy(client))
    await gate.reached.wait()
    purchase_id = (await world.order()).identity
    handle: PurchaseHandle = client.get_workflow_handle(f"purchase/{purchase_id}", result_type=PurchaseResult)
    if how == "buyer":
        await world.purchases.request_cancel(purchase_id)
        await handle.signal(PurchaseWorkflow.buyer_cancelled)
    else:
        await handle.cancel()
        await asyncio.sleep(0.1)
    gate.open.set()
    _, answer = await buying
    assert answer.state == "ended"
    assert (await world.ended(handle)).outcome == "cancelled"
    assert await world.stock() == (10, 0, 0)
    assert world.gateway.calls["create_intent"] == 1


async def test_an_unknown_create_that_is_refused_when_asked_again(world: SagaWorld, client: Client) -> None:
    """Three calls without an answer, then a refusal: known now, so that nothing is asked for again."""
    await world.open_show()
    world.gateway.fail_before("create_intent", 3)
    world.gateway.refuse("create_intent", REASON, after=3)
    handle, answer = await world.buy(client)
    assert (answer.refusal_code, answer.refusal_reason) == ("payment-refused", REASON)
    assert (await world.ended(handle)).outcome == "cancelled"
    assert world.gateway.calls["create_intent"] == 4
    assert await world.stock() == (10, 0, 0)


async def test_an_undo_that_hears_the_refusal_has_nothing_to_release(world: SagaWorld) -> None:
    """The create's outcome is unknown when it is undone: it is repeated, refused, and recorded."""
    await world.open_show()
    purchase = await world.request()
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    world.gateway.refuse("create_intent", REASON)
    assert await ActivityEnvironment().run(payments.cancel_payment, purchase) is None
    assert (await world.order()).payment_refusal == REASON
    assert await ActivityEnvironment().run(payments.cancel_payment, purchase) is None
    assert world.gateway.calls["create_intent"] == 1
    await _end(world, purchase)


async def test_a_repeat_after_the_refusal_asks_stripe_for_nothing(world: SagaWorld) -> None:
    """A step that runs again, its undo and a late look go by what is recorded."""
    await world.open_show()
    purchase = await world.request()
    world.gateway.refuse("create_intent", REASON)
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    for _ in range(2):
        with pytest.raises(PaymentRefused) as refused:
            await ActivityEnvironment().run(payments.create_intent, purchase)
        assert refused.value.data["reason"] == REASON
    assert await ActivityEnvironment().run(payments.cancel_payment, purchase) is None
    await _end(world, purchase)
    late = LatePaymentActivities(world.store, world.gateway, payments)
    await ActivityEnvironment().run(late.resolve_late_payment, LatePayment(**purchase.model_dump()))
    assert world.gateway.calls["create_intent"] == 1


async def test_a_refusal_after_an_intent_was_made_is_not_believed(world: SagaWorld) -> None:
    """The key was forgotten meanwhile: the intent of the first create is found by its metadata, and cancelled."""
    await world.open_show()
    purchase = await world.request()
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    world.gateway.fail_after("create_intent")
    with pytest.raises(Exception, match="the answer was lost"):
        await ActivityEnvironment().run(payments.create_intent, purchase)
    world.gateway.refuse("create_intent", REASON)
    released = await ActivityEnvironment().run(payments.cancel_payment, purchase)
    assert released is not None
    assert (released.status, (await world.order()).payment_refusal) == ("canceled", None)
    await _end(world, purchase)


async def _end(world: SagaWorld, purchase: PurchaseRef) -> None:
    end = EndPurchase(purchase=purchase, reason="payment-refused")
    await ActivityEnvironment().run(SalesActivities(world.store).cancel_order, end)


async def test_a_receipt_goes_to_the_buyers_address_and_nowhere_else(world: SagaWorld) -> None:
    """By setting, the address of the table of buyers is in the payment; no event has it."""
    await world.open_show()
    await world.buyers.keep("by", "default", "pu", PersonalData(email="ann@example.org"), [])
    purchase = await world.request()
    payments = PaymentActivities(world.store, world.gateway, world.checkouts, world.buyers)
    await ActivityEnvironment().run(payments.create_intent, purchase)
    (request,) = world.gateway.requests.values()
    assert (request.receipt_email, request.description) == ("ann@example.org", "Show")
    assert "ann@example.org" not in str([vars(event) for event in world.store.log])
    await ActivityEnvironment().run(payments.cancel_payment, purchase)
    await _end(world, purchase)


async def test_an_undo_that_was_cut_off_says_again_that_the_hold_ran_out(world: SagaWorld, client: Client) -> None:
    """Its payment is cancelled at Stripe, by us: nobody refused it."""
    await world.open_show(hold_seconds=20)
    let_go = world.gates.close("cancel_payment", "after")
    handle, _ = await world.buy(client)
    async with skipping_time(world.server):
        await asyncio.wait_for(let_go.reached.wait(), PATIENCE_SECONDS)
    await handle.terminate("by force")
    let_go.open.set()
    again, _ = await world.start(client, await world.ref())
    result = await world.ended(again)
    assert (result.outcome, result.reason) == ("cancelled", "hold-expired")
    assert (await world.order()).end_reason == "hold-expired"
    assert await world.stock() == (10, 0, 0)


async def test_an_undo_that_was_cut_off_says_again_that_the_capture_was_refused(
    world: SagaWorld, client: Client
) -> None:
    """Its payment is cancelled at Stripe and its hold is over, but neither is why it ended."""
    await world.open_show(hold_seconds=20)
    world.gateway.refuse("capture_intent", "card_declined")
    let_go = world.gates.close("cancel_payment", "after")
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await asyncio.wait_for(let_go.reached.wait(), PATIENCE_SECONDS)
    await handle.terminate("by force")
    let_go.open.set()
    async with skipping_time(world.server):
        await world.server.sleep(30)
    again, _ = await world.start(client, await world.ref())
    result = await world.ended(again)
    assert (result.outcome, result.reason) == ("cancelled", "payment-refused")
    assert (await world.order()).end_reason == "payment-refused"
    assert await world.stock() == (10, 0, 0)
