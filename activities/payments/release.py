"""Money back: makes sure that we do not keep what one payment brought, a purchase's own or a stray one."""

from typing import NamedTuple

from activities.books.post import post
from activities.core.commands import PurchaseRef
from activities.core.ports import EventStore, PaymentGateway
from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import refund_postings
from domain.money.money import Price
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.payment_intent import IntentState


class PaymentKey(NamedTuple):
    """One payment for a purchase: `which` is the attempt that it is for, or a stray intent."""

    purchase: PurchaseRef
    which: str

    @property
    def payment_id(self) -> str:
        """The payment's identity in the events."""
        return f"{self.purchase.purchase_id}:{self.which}"

    def key(self, verb: str) -> str:
        """The idempotency key of one effect on it."""
        return f"{self.purchase.purchase_id}:{verb}:{self.which}"


def own_money(purchase: PurchaseRef) -> PaymentKey:
    """Return the payment that this attempt opened itself."""
    return PaymentKey(purchase, str(purchase.attempt))


class PaymentRelease:
    """Lets a payment go, and records what Stripe says of it."""

    def __init__(self, store: EventStore, gateway: PaymentGateway) -> None:
        self._store = store
        self._gateway = gateway

    async def release_payment(self, money: PaymentKey, seen: IntentState) -> IntentState:
        """Cancel a payment, or refund what was captured; transient errors while neither is possible."""
        # Stripe keeps its no to a cancel under the key: what has changed since is asked for under another one.
        state = await self._gateway.cancel_intent(seen.intent_id, money.key(f"cancel-{seen.status}"))
        if state.status == "succeeded":
            await self._refund(money, state)
        elif state.status == "canceled":
            await self.record(money, state)
        else:
            raise TransientError(f"the intent is {state.status}: it can neither be cancelled nor refunded yet")
        return state

    async def record(self, money: PaymentKey, state: IntentState) -> Price | None:
        """Record what is new of a payment; returns the price that it is for."""
        if state.status == "succeeded" and state.stripe_fee_minor is None:
            raise TransientError("Stripe has taken the money and not told its fee yet")  # the books need the real one

        def decide(uow: UnitOfWork) -> Price | None:
            _note(uow.get(Payment, money.payment_id), state, uow)
            return uow.get(Order, money.purchase.purchase_id).price

        return (await self._store.commit(decide)).value

    async def _refund(self, money: PaymentKey, state: IntentState) -> None:
        await self.record(money, state)
        refund_id = await self._given_back(money, state)

        def decide(uow: UnitOfWork) -> None:
            payment = uow.get(Payment, money.payment_id)
            payment.refund(refund_id, payment.captured_minor, uow.at)
            postings = refund_postings(payment.currency, payment.stripe_fee_minor)
            if postings:  # Stripe keeps its fee
                post(uow, money.purchase, money.key("refund"), "refund", postings)

        await self._store.commit(decide)

    async def _given_back(self, money: PaymentKey, state: IntentState) -> str:
        """Refund what is left of a capture; some or all of it may have been given back in Stripe's dashboard."""
        left_minor = state.received_minor - state.refunded_minor
        if not left_minor:
            made = await self._gateway.refunds_of(state.intent_id)
            arrived = [refund.refund_id for refund in made if refund.status == "succeeded"]
            if not arrived:
                raise TransientError("a refund that was made elsewhere has not arrived yet")
            return arrived[0]
        refund = await self._gateway.refund_intent(state.intent_id, left_minor, money.key("refund"))
        if refund.status in {"failed", "canceled"}:
            raise PaymentRefused("the refund failed", reason=refund.status)
        if refund.status != "succeeded":
            raise TransientError(f"the refund is {refund.status}")
        return refund.refund_id


def _note(payment: Payment, state: IntentState, uow: UnitOfWork) -> None:
    """Apply what Stripe says, monotonically."""
    if state.status == "requires_capture":
        payment.authorise(uow.at)
    elif state.status == "canceled":
        payment.cancel(uow.at)
    elif state.status == "succeeded" and state.charge_id is not None and state.stripe_fee_minor is not None:
        payment.capture(state.charge_id, state.received_minor, state.stripe_fee_minor, uow.at, state.currency)
    elif state.decline_code is not None:
        payment.decline(state.decline_code, uow.at)
