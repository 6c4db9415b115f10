"""Late and stray payments: each buys the seats after all, or is cancelled or refunded."""

import asyncio
from typing import Any, Final

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.core.about import About
from activities.core.acts import RETRY_NOW
from activities.core.commands import EndPurchase, LatePayment
from activities.core.task_queues import PURCHASES
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.sales.order import SalesActivities
from domain.catalog.show import Show
from domain.core.ids import order_ref_of
from domain.core.transient import TransientError
from domain.orders.reopening import PurchaseReopened
from domain.payments.payment_intent import IntentRequest, IntentState
from domain.payments.refunds import Refunds
from tests.fakes.operator import operate
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid, sold
from workflows.core.search_attributes import AMOUNT_MINOR, ORDER_REF, PURCHASE_ID, SHOW_ID, VENUE_ID, shown_as
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseInput

PRICE_MINOR = 2208
REFUSED: Final = "start_child_workflow_execution_failed_event_attributes"
CaseHandle = WorkflowHandle[PaymentCaseWorkflow, str]


async def charge_of_order(world: SagaWorld) -> int:
    price = (await world.order()).price
    assert price is not None
    return price.charge_minor


async def stray(world: SagaWorld, amount_minor: int = PRICE_MINOR, currency: str = "eur", **terms: Any) -> IntentState:
    """Pay by a second intent with the purchase's id in its metadata."""
    purchase = await world.ref()
    request = IntentRequest(
        tenant_id="default", purchase_id=purchase.purchase_id, amount_minor=amount_minor, currency=currency, **terms
    )
    created = await world.gateway.create_intent(request, f"stray {amount_minor} {currency}")
    return world.gateway.pay(created.intent_id)


async def begin_case(world: SagaWorld, client: Client, intent_id: str, *, with_terms: bool = True) -> CaseHandle:
    """Open the case as the relay does."""
    purchase = await world.ref()
    again = PurchaseInput(purchase=purchase, show_id="sh") if with_terms else None
    start = CaseInput(purchase=purchase, intent_id=intent_id, again=again, venue_id="ve")
    shown = shown_as(
        "Late payment of", "late-payment", About(purchase.purchase_id, "sh", "ve", "The show", 2208, "eur")
    )
    options: dict[str, Any] = {"id": f"payment-case/{intent_id}", "task_queue": PURCHASES, **shown}
    return await client.start_workflow(PaymentCaseWorkflow.run, start, **options)


async def case(world: SagaWorld, client: Client, intent_id: str) -> str:
    """Open a case and await its end."""
    handle = await begin_case(world, client, intent_id)
    return await handle.result()


async def expired(world: SagaWorld, client: Client, quantity: int = 2) -> None:
    """Let a purchase expire."""
    await world.open_show(hold_seconds=20)
    handle, _ = await world.buy(client, quantity=quantity)
    assert (await world.ended(handle)).reason == "hold-expired"


async def test_late_money_buys_the_seats_that_are_still_there(world: SagaWorld, client: Client) -> None:
    """They are sold in a new attempt at the old price, with new tickets; a repeat changes nothing."""
    await expired(world, client)
    paid_late = await stray(world)
    assert await case(world, client, paid_late.intent_id) == "sold"
    order = await world.order()
    assert (order.state, order.attempt) == ("fulfilled", 2)
    assert await world.stock() == (8, 0, 2)
    assert await case(world, client, paid_late.intent_id) == "sold"
    assert world.gateway.refunded_minor == 0
    resumed = client.get_workflow_handle(f"purchase/{order.identity}")
    found = {pair.key.name: pair.value for pair in (await resumed.describe()).typed_search_attributes}
    assert [found.get(key.name) for key in (PURCHASE_ID, ORDER_REF, SHOW_ID, VENUE_ID, AMOUNT_MINOR)] == [
        order.identity,
        order_ref_of(order.identity),
        "sh",
        "ve",
        2208,
    ]


async def test_late_money_whose_seats_are_gone_goes_back(world: SagaWorld, client: Client) -> None:
    """Another buyer has them: the authorisation is cancelled."""
    await expired(world, client, quantity=6)
    other, _ = await world.buy(client, "other", 6)
    world.gateway.pay(await world.intent_id("other"))
    assert (await world.ended(other)).outcome == "fulfilled"
    late = await stray(world, await charge_of_order(world))
    assert await case(world, client, late.intent_id) == "canceled"
    assert (await world.order()).state == "cancelled"


@pytest.mark.parametrize(("amount", "currency"), [(PRICE_MINOR - 1, "eur"), (PRICE_MINOR, "usd")])
async def test_late_money_of_another_amount_goes_back(
    world: SagaWorld, client: Client, amount: int, currency: str
) -> None:
    """The captured amount is refunded, and Stripe's fee is posted in the charged currency."""
    await expired(world, client)
    late = await stray(world, amount, currency, capture_method="automatic")
    assert await case(world, client, late.intent_id) == "owed"
    assert await world.give_back(client) == ["refunded"]
    assert world.gateway.refunded_minor == amount
    assert world.books()["stripe:clearing", currency] == late.stripe_fee_minor
    assert not any(isinstance(event, PurchaseReopened) for event in world.store.log)


async def test_late_money_does_not_overrule_a_buyers_cancel(world: SagaWorld, client: Client) -> None:
    """A cancelled purchase is not taken up again, unlike an expired one."""
    await world.open_show()
    handle, _ = await world.buy(client)
    await world.purchases.request_cancel((await world.order()).identity)
    await handle.signal("buyer_cancelled")
    assert (await world.ended(handle)).reason == "purchase-cancelled"
    late = await stray(world)
    assert await case(world, client, late.intent_id) == "canceled"


async def test_late_money_for_a_cancelled_show_goes_back(world: SagaWorld, client: Client) -> None:
    """Its seats are free, but not sold."""
    await expired(world, client)
    await world.store.commit(lambda uow: uow.get(Show, "sh").call_off(uow.at))
    late = await stray(world)
    assert await case(world, client, late.intent_id) == "canceled"


async def test_a_second_payment_of_a_sold_order_goes_back(world: SagaWorld, client: Client) -> None:
    """An order is paid once; any other payment is returned."""
    own = await sold(world, client)
    second = await stray(world, capture_method="automatic")
    assert await case(world, client, second.intent_id) == "owed"
    assert await case(world, client, second.intent_id) == "owed"
    assert await world.give_back(client) == ["refunded"]
    assert (await world.gateway.retrieve_intent(second.intent_id)).refunded_minor == PRICE_MINOR
    assert (await world.gateway.retrieve_intent(own)).refunded_minor == 0


async def test_a_second_payment_waits_until_its_purchase_is_decided(world: SagaWorld, client: Client) -> None:
    """It may still be needed; after the decision it is returned."""
    await world.open_show()
    handle, _ = await world.buy(client)
    own = await world.intent_id()
    second = await stray(world)
    looked = world.gates.close("resolve_late_payment", "after")
    waiting = await begin_case(world, client, second.intent_id)
    await looked.reached.wait()
    looked.open.set()
    world.gateway.pay(own)
    await handle.signal("look_again")
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert await waiting.result() == "canceled"


async def test_a_payment_of_a_running_purchase_is_left_to_it(world: SagaWorld, client: Client) -> None:
    """The case may learn of it before the purchase, which is not started twice."""
    await world.open_show()
    handle, _ = await world.buy(client)
    own = await world.intent_id()
    looked = world.gates.close("resolve_late_payment", "after")
    waiting = await begin_case(world, client, own)
    await looked.reached.wait()
    looked.open.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(event.HasField(REFUSED) for event in (await waiting.fetch_history()).events):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    world.gateway.pay(own)
    await handle.signal("look_again")
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert await waiting.result() == "sold"


async def test_a_case_without_terms_leaves_the_purchase_to_the_relay(world: SagaWorld, client: Client) -> None:
    """A case that an older relay opened records the new attempt, and leaves its start to the relay."""
    await expired(world, client)
    late = await stray(world)
    looked = world.gates.close("resolve_late_payment", "after")
    waiting = await begin_case(world, client, late.intent_id, with_terms=False)
    await looked.reached.wait()
    looked.open.set()
    handle, _ = await world.start(client, await world.ref())
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert await waiting.result() == "sold"


@pytest.mark.parametrize("amount", [PRICE_MINOR, 500])
@pytest.mark.leaves_open(reason="the refund is recorded here, and not followed")
async def test_a_refund_in_the_dashboard_becomes_ours(world: SagaWorld, client: Client, amount: int) -> None:
    """It is posted like any other, once; a refund of the whole rest also voids the tickets."""
    own = await sold(world, client)
    made = world.gateway.refund_in_dashboard(own, amount)
    for _ in range(2):
        assert await case(world, client, own) == "sold"
    purchase_id = (await world.ref()).purchase_id
    book = await world.store.read(lambda uow: uow.get(Refunds, purchase_id))
    (refund,) = book.refunds.values()
    assert (refund.state, refund.given.total_minor, refund.stripe_refund_id) == ("pending", amount, made.refund_id)
    assert len(refund.ticket_ids) == (2 if amount == PRICE_MINOR else 0)


def resolving(world: SagaWorld) -> LatePaymentActivities:
    """Return the activities over the world's fakes."""
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    return LatePaymentActivities(world.store, world.gateway, payments)


@pytest.mark.leaves_open(reason="only one step of a purchase is called")
async def test_two_copies_of_the_step_decide_the_same(
    world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw an ended purchase; the second one finds the payment adopted, and does not return it."""
    await expired(world, client)
    late = await stray(world)
    both, read = asyncio.Barrier(2), world.gateway.retrieve_intent

    async def together(intent_id: str) -> IntentState:
        await both.wait()
        return await read(intent_id)

    monkeypatch.setattr(world.gateway, "retrieve_intent", together)
    wanted = LatePayment(**(await world.ref()).model_dump(), intent_id=late.intent_id)
    act = resolving(world).resolve_late_payment
    copies = (ActivityEnvironment().run(act, wanted) for _ in range(2))
    assert await asyncio.gather(*copies) == [await world.ref()] * 2
    assert (await read(late.intent_id)).status == "requires_capture"


async def test_a_payment_that_goes_back_buys_nothing_any_more(world: SagaWorld, client: Client) -> None:
    """Its seats were taken at the decision and are free again at the repeat: it is still returned."""
    await expired(world, client, quantity=6)
    late = await stray(world, await charge_of_order(world))
    other = await world.request("other", 6)
    world.gateway.fail_before("cancel_intent")
    wanted = LatePayment(**(await world.ref()).model_dump(), intent_id=late.intent_id)
    act = resolving(world).resolve_late_payment
    with pytest.raises(TransientError):
        await ActivityEnvironment().run(act, wanted)
    await SalesActivities(world.store).cancel_order(EndPurchase(purchase=other, reason="purchase-cancelled"))
    assert await ActivityEnvironment().run(act, wanted) == "canceled"
    assert (await world.order()).attempt == 1


@pytest.mark.parametrize("amount", [PRICE_MINOR - 1, 8])
async def test_a_refund_that_is_being_made_elsewhere_counts(world: SagaWorld, client: Client, amount: int) -> None:
    """A stray payment is being refunded in the dashboard: that refund is followed, and only the rest is ours."""
    await expired(world, client)
    late = await stray(world, PRICE_MINOR - 1, capture_method="automatic")
    world.gateway.refunds_begin = "pending"
    made = world.gateway.refund_in_dashboard(late.intent_id, amount)
    assert await case(world, client, late.intent_id) == "owed"
    world.gateway.refunds_begin = "succeeded"
    world.gateway.finish_refund(made.refund_id)
    assert set(await world.give_back(client)) == {"refunded"}
    assert world.gateway.refunded_minor == PRICE_MINOR - 1


async def test_an_operator_looks_before_the_purchase_is_decided(world: SagaWorld, client: Client) -> None:
    """The case waits for an open purchase with growing pauses; `retry_now` does not wait for the next."""
    await world.open_show()
    purchase, _ = await world.buy(client)
    handle = await begin_case(world, client, await world.intent_id())
    with world.server.auto_time_skipping_disabled():
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "resolve_late_payment" not in world.gates.ran:  # noqa: ASYNC110 - the purchase is open
                await asyncio.sleep(0.02)
        looks = world.gates.ran.count("resolve_late_payment")
        await operate(handle, RETRY_NOW)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while world.gates.ran.count("resolve_late_payment") == looks:  # noqa: ASYNC110 - a count
                await asyncio.sleep(0.02)
    await paid(world, purchase)
    assert (await world.ended(purchase)).outcome == "fulfilled"
    assert await handle.result() == "sold"
