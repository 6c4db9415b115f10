"""Money back: makes sure that we do not keep what one payment brought, a purchase's own or a stray one."""

from typing import NamedTuple

from activities.books.post import post
from activities.core.commands import PurchaseRef
from activities.core.ports import Ledger, PaymentGateway
from domain.core.errors import PaymentRefused
from domain.core.transient import Weather
from domain.core.unit_of_work import Desk
from domain.money.books import refund_postings
from domain.money.money import Price
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.payment_intent import IntentState


class MoneyOf(NamedTuple):
    """One payment for a purchase: `which` is the attempt that it is for, or a stray intent."""

    purchase: PurchaseRef
    which: str

    @property
    def payment_id(self) -> str:
        """The payment's identity in the facts."""
        return f"{self.purchase.purchase_id}:{self.which}"

    def key(self, verb: str) -> str:
        """The idempotency key of one effect on it."""
        return f"{self.purchase.purchase_id}:{verb}:{self.which}"


def own_money(purchase: PurchaseRef) -> MoneyOf:
    """Return the payment that this attempt opened itself."""
    return MoneyOf(purchase, str(purchase.attempt))


class MoneyBack:
    """Lets a payment go, and records what Stripe says of it."""

    def __init__(self, ledger: Ledger, gateway: PaymentGateway) -> None:
        self._ledger = ledger
        self._gateway = gateway

    async def let_go(self, money: MoneyOf, seen: IntentState) -> IntentState:
        """Cancel a payment, or refund what was captured; weather while neither is possible."""
        # Stripe keeps its no to a cancel under the key: what has changed since is asked for under another one.
        state = await self._gateway.cancel_intent(seen.intent_id, money.key(f"cancel-{seen.status}"))
        if state.status == "succeeded":
            await self._refund(money, state)
        elif state.status == "canceled":
            await self.record(money, state)
        else:
            raise Weather(f"the intent is {state.status}: it can neither be cancelled nor refunded yet")
        return state

    async def record(self, money: MoneyOf, state: IntentState) -> Price | None:
        """Record what is new of a payment; returns the price that it is for."""
        if state.status == "succeeded" and state.stripe_fee_minor is None:
            raise Weather("Stripe has taken the money and not told its fee yet")  # the books need the real one

        def decide(desk: Desk) -> Price | None:
            _note(desk.get(Payment, money.payment_id), state, desk)
            return desk.get(Order, money.purchase.purchase_id).price

        return (await self._ledger.commit(decide)).value

    async def _refund(self, money: MoneyOf, state: IntentState) -> None:
        await self.record(money, state)
        refund_id = await self._given_back(money, state)

        def decide(desk: Desk) -> None:
            payment = desk.get(Payment, money.payment_id)
            payment.refund(refund_id, payment.captured_minor, desk.at)
            postings = refund_postings(payment.currency, payment.stripe_fee_minor)
            if postings:  # Stripe keeps its fee
                post(desk, money.purchase, money.key("refund"), "refund", postings)

        await self._ledger.commit(decide)

    async def _given_back(self, money: MoneyOf, state: IntentState) -> str:
        """Refund what is left of a capture; some or all of it may have been given back in Stripe's dashboard."""
        left_minor = state.received_minor - state.refunded_minor
        if not left_minor:
            made = await self._gateway.refunds_of(state.intent_id)
            arrived = [refund.refund_id for refund in made if refund.status == "succeeded"]
            if not arrived:
                raise Weather("a refund that was made elsewhere has not arrived yet")
            return arrived[0]
        refund = await self._gateway.refund_intent(state.intent_id, left_minor, money.key("refund"))
        if refund.status in {"failed", "canceled"}:
            raise PaymentRefused("the refund failed", reason=refund.status)
        if refund.status != "succeeded":
            raise Weather(f"the refund is {refund.status}")
        return refund.refund_id


def _note(payment: Payment, state: IntentState, desk: Desk) -> None:
    """Apply what Stripe says, monotonically."""
    if state.status == "requires_capture":
        payment.authorise(desk.at)
    elif state.status == "canceled":
        payment.cancel(desk.at)
    elif state.status == "succeeded" and state.charge_id is not None and state.stripe_fee_minor is not None:
        payment.capture(state.charge_id, state.received_minor, state.stripe_fee_minor, desk.at, state.currency)
    elif state.decline_code is not None:
        payment.decline(state.decline_code, desk.at)
