"""Captured money that bought nothing: owed at once, refunded by numbered tries, and owed again when one comes back."""

from typing import Any

import pytest

from activities.core.commands import EndPurchase, PayRefund, PurchaseRef, RefundRef
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.refunds.unsold import owe_back
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, balances, buyer_refundable
from domain.payments.payment import Payment, StrayIntentFound
from domain.payments.payment_intent import IntentRequest, IntentState
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.store_world import StoreWorld

AMOUNT, FEE = 2208, 94


class Undone(StoreWorld):
    """A purchase that has ended without a sale, whose payment of 22.08 was captured all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.gateway = FakePaymentGateway()
        self.steps = RefundActivities(self.store, self.gateway)

    async def captured(self, currency: str = "eur") -> IntentState:
        """Capture a payment of an ended purchase by a stray intent."""
        await self.open()
        purchase = await self.bought()
        await self.store.commit(lambda uow: uow.get(Payment, "pu:1").cancel(uow.at))
        await self.sales.cancel_order(EndPurchase(purchase=purchase, reason="hold-expired"))
        return await self.stray("pu", currency)

    async def stray(self, purchase_id: str, currency: str = "eur") -> IntentState:
        request = IntentRequest(
            tenant_id="default",
            purchase_id=purchase_id,
            amount_minor=AMOUNT,
            currency=currency,
            capture_method="automatic",
        )
        intent = await self.gateway.create_intent(request, f"stray {purchase_id}")
        events: dict[str, Any] = {"tenant_id": "default", "purchase_id": purchase_id, "amount_minor": AMOUNT}
        events |= {"intent_id": intent.intent_id, "currency": currency}
        name = f"{purchase_id}:{intent.intent_id}"
        await self.store.commit(lambda uow: uow.add(Payment.begin(StrayIntentFound, name, uow.at, **events)))
        paid = self.gateway.pay(intent.intent_id)
        await self.store.commit(lambda uow: uow.get(Payment, name).capture("ch", AMOUNT, FEE, uow.at, currency))
        return paid

    async def owe(self, intent: IntentState, purchase_id: str = "pu") -> list[Refund]:
        """Decide to give the payment back; return all of its refunds."""
        made = await self.gateway.refunds_of(intent.intent_id)

        def decide(uow: UnitOfWork) -> None:
            owe_back(uow, uow.get(Payment, f"{purchase_id}:{intent.intent_id}"), made)

        await self.store.commit(decide)
        return (await self.see(Refunds, purchase_id)).of_payment(intent.intent_id)

    async def pay(self, refund: Refund, turn: int = 1, **more: Any) -> str:
        purchase = PurchaseRef(tenant_id="default", purchase_id="pu", attempt=1)
        ref = RefundRef(purchase=purchase, refund_id=refund.refund_id, ticket_ids=(), amount_minor=refund.amount_minor)
        assert await self.steps.post_refund(ref) >= turn
        return (await self.steps.pay_refund(PayRefund(refund=ref, turn=turn, **more))).status

    async def state(self, intent: IntentState) -> tuple[str, int]:
        """Return the payment's state, and the amount that the books owe to the buyer."""
        streams = [stream for stream in self.store.streams if stream.startswith("books:")]
        found = [await self.see(BooksTransaction, stream.partition(":")[2]) for stream in streams]
        owed = balances(posting for one in found for posting in one.postings)
        payment = await self.see(Payment, f"pu:{intent.intent_id}")
        return payment.state, owed.get((buyer_refundable("pu"), intent.currency), 0)


@pytest.mark.parametrize("currency", ["eur", "usd"])
async def test_all_of_it_is_owed_and_decided_once(currency: str) -> None:
    """It is owed in its own currency, by one refund that takes nobody's share; a repeat changes nothing."""
    world = Undone()
    intent = await world.captured(currency)
    for _ in range(2):
        (refund,) = await world.owe(intent)
    assert (refund.amount_minor, refund.given.total_minor, refund.from_venue_minor) == (AMOUNT, 0, 0)
    assert await world.state(intent) == ("owed", AMOUNT)
    assert await world.pay(refund) == "succeeded"
    assert await world.state(intent) == ("refunded", 0)
    assert await world.owe(intent) == [refund.model_copy(update={"state": "succeeded", "stripe_refund_id": "re_1"})]


async def test_a_refund_that_comes_back_is_owed_again() -> None:
    """The bank returns it after it had succeeded; the next try has a new key."""
    world = Undone()
    intent = await world.captured()
    (refund,) = await world.owe(intent)
    await world.pay(refund)
    world.gateway.finish_refund("re_1", succeed=False)
    assert await world.pay(refund) == "failed"
    assert await world.state(intent) == ("owed", AMOUNT)
    assert await world.pay(refund, 2) == "succeeded"
    assert await world.state(intent) == ("refunded", 0)
    assert list(world.gateway.refunds) == [f"{refund.refund_id}:refund:{turn}" for turn in (1, 2)]


async def test_a_refund_that_release_0_1_0_began_is_followed() -> None:
    """It made the refund under the key of the purchase and was lost before it recorded that: none is made twice."""
    world = Undone()
    intent = await world.captured()
    await world.gateway.refund_intent(intent.intent_id, AMOUNT, "pu:refund:1")
    (refund,) = await world.owe(intent)
    assert (refund.state, refund.stripe_refund_id) == ("pending", "re_1")
    assert await world.pay(refund) == "succeeded"
    assert world.gateway.effects["refund_intent"] <= 1
    assert await world.state(intent) == ("refunded", 0)


async def test_a_payment_is_refunded_when_the_last_part_has_arrived() -> None:
    """A person has refunded a part before; the rest is ours, and it is owed until both have arrived."""
    world = Undone()
    intent = await world.captured()
    world.gateway.refund_in_dashboard(intent.intent_id, 200)
    theirs, ours = await world.owe(intent)
    assert (theirs.amount_minor, theirs.state, ours.amount_minor) == (200, "pending", AMOUNT - 200)
    await world.pay(theirs)
    assert await world.state(intent) == ("owed", AMOUNT - 200)
    await world.pay(ours)
    assert await world.state(intent) == ("refunded", 0)


async def test_one_that_pays_all_that_failed_is_no_excess() -> None:
    """Both parts have failed, and a person gives back the whole: it is what was owed."""
    world = Undone()
    intent = await world.captured()
    world.gateway.refund_in_dashboard(intent.intent_id, 200)
    theirs, ours = await world.owe(intent)
    world.gateway.finish_refund("re_1", succeed=False)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    assert [await world.pay(theirs), await world.pay(ours)] == ["failed", "failed"]
    world.gateway.refund_in_dashboard(intent.intent_id, AMOUNT)
    *parts, whole = await world.owe(intent)
    assert [(one.state, one.amount_minor) for one in parts] == [("succeeded", 0)] * 2
    assert (whole.amount_minor, whole.excess_minor) == (AMOUNT, 0)
    assert await world.pay(whole) == "succeeded"
    assert await world.state(intent) == ("refunded", 0)


async def test_money_that_is_paid_by_hand_is_no_longer_owed() -> None:
    """Stripe refuses it for good, and an operator pays another way."""
    world = Undone()
    intent = await world.captured()
    (refund,) = await world.owe(intent)
    world.gateway.refuse("refund_intent", "charge_disputed")
    assert await world.pay(refund) == "failed"
    assert await world.pay(refund, 2, by_hand="bank transfer 9") == "succeeded"
    assert await world.state(intent) == ("refunded", 0)


async def test_a_stray_payment_of_an_order_without_a_price() -> None:
    """It is given back too; when the order has a price, refunds of its sale are limited by that."""
    world = Undone()
    await world.open()
    await world.only_requested()
    intent = await world.stray("pu")
    (refund,) = await world.owe(intent)
    assert await world.pay(refund) == "succeeded"
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu", attempt=1)
    order = await world.sales.place_order(purchase)
    await world.sales.confirm_seats(purchase)
    await world.capture(purchase)
    await world.sales.confirm_order(purchase)
    command = RequestRefund(tenant_id="default", purchase_id="pu", refund_id="rf", body_digest="r", reason="goodwill")
    decided = (await RefundCommands(world.store).request_refund(command)).refund
    assert decided.amount_minor == order.price.total_minor
    assert (await world.see(Refunds, "pu")).left().total_minor == 0


async def test_nothing_is_owed_of_a_payment_that_was_not_captured() -> None:
    """An open payment is cancelled, not refunded."""
    world = Undone()
    await world.open()
    await world.bought()
    with pytest.raises(WrongState):
        await world.store.commit(lambda uow: owe_back(uow, uow.get(Payment, "pu:1"), ()))
