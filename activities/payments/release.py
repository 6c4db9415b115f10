"""Release a payment, a purchase's own or a stray one: cancel it, or owe its captured amount to its buyer."""

from typing import NamedTuple

from activities.core.commands import PurchaseRef
from activities.core.ports import EventStore, PaymentGateway
from activities.refunds.unsold import owe_back
from activities.sales.order import attempt_of
from domain.core.aggregate import CreatedEvent
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import Price
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.payment_intent import IntentState


class PaymentKey(NamedTuple):
    """One payment for a purchase: `which` is its attempt, or a stray intent."""

    purchase: PurchaseRef
    which: str

    @property
    def payment_id(self) -> str:
        """The payment's id in the events."""
        return f"{self.purchase.purchase_id}:{self.which}"

    def key(self, verb: str) -> str:
        """Return the idempotency key of one effect on the payment."""
        return f"{self.purchase.purchase_id}:{verb}:{self.which}"


def own_money(purchase: PurchaseRef) -> PaymentKey:
    """Return the payment that this attempt opened."""
    return PaymentKey(purchase, str(purchase.attempt))


def begin_payment(
    uow: UnitOfWork, event: type[CreatedEvent[Payment]], money: PaymentKey, state: IntentState, capture_method: str
) -> None:
    """Record a payment with its first event."""
    found = {"intent_id": state.intent_id, "amount_minor": state.amount_minor, "currency": state.currency}
    owner = {"tenant_id": money.purchase.tenant_id, "purchase_id": money.purchase.purchase_id}
    values = {**owner, **found, "capture_method": capture_method}
    uow.add(Payment.begin(event, money.payment_id, uow.at, **values))


class PaymentRelease:
    """Releases payments and records their state at Stripe."""

    def __init__(self, store: EventStore, gateway: PaymentGateway) -> None:
        self._store = store
        self._gateway = gateway

    async def release_payment(self, money: PaymentKey, seen: IntentState, *, bears_excess: bool = False) -> IntentState:
        """Cancel a payment, or decide the refunds of its captured amount; raise TransientError while it is processed.

        The money is owed in the books from then on: the refunds go their own way, and nothing waits for them. What a
        person has refunded beyond it is refused (RefundExceeds), or borne by the platform.
        """
        # Stripe stores a refused cancel under its key: after a change of status, use another key.
        state = await self._gateway.cancel_intent(seen.intent_id, money.key(f"cancel-{seen.status}"))
        if state.status == "succeeded":
            await self._owe(money, state, bears_excess=bears_excess)
        elif state.status == "canceled":
            await self.record(money, state)
        else:
            raise TransientError(f"intent is {state.status}: it can be neither cancelled nor refunded yet")
        return state

    async def record(self, money: PaymentKey, state: IntentState) -> Price | None:
        """Record a payment's changes; return the price that it is for."""
        if state.status == "succeeded" and state.stripe_fee_minor is None:
            raise TransientError("payment is captured, but Stripe reports no fee yet")  # the books need the real one

        def decide(uow: UnitOfWork) -> Price | None:
            _note(uow.get(Payment, money.payment_id), state, uow)
            return uow.get(Order, money.purchase.purchase_id).price

        return (await self._store.commit(decide)).value

    async def _owe(self, money: PaymentKey, state: IntentState, *, bears_excess: bool) -> None:
        await self.record(money, state)
        made = await self._gateway.refunds_of(state.intent_id)

        def decide(uow: UnitOfWork) -> None:
            order = uow.get(Order, money.purchase.purchase_id)
            if money == own_money(attempt_of(order)):
                order.check_unsold()  # again, in the transaction of the debt: a worker that was given up may still run
            owe_back(uow, uow.get(Payment, money.payment_id), made, bears_excess=bears_excess)

        await self._store.commit(decide)


def _note(payment: Payment, state: IntentState, uow: UnitOfWork) -> None:
    """Apply the state at Stripe to the payment; never move it backwards."""
    if state.status == "requires_capture":
        payment.authorise(uow.at)
    elif state.status == "canceled":
        payment.cancel(uow.at)
    elif state.status == "succeeded" and state.charge_id is not None and state.stripe_fee_minor is not None:
        payment.capture(state.charge_id, state.received_minor, state.stripe_fee_minor, uow.at, state.currency)
    elif state.status == "processing":
        payment.process(uow.at)
    elif state.decline_code is not None:
        payment.decline(state.decline_code, uow.at)
