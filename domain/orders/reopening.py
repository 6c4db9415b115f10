"""Reopening: a late payment, after the hold has expired, buys the seats if they are still available."""

from datetime import datetime, timedelta

from domain.core.aggregate import DomainEvent
from domain.core.errors import PaymentRefused, WrongState
from domain.orders.order import Order, PurchaseMoved
from domain.payments.payment_intent import IntentState

# A late payment does not overrule a cancel by the buyer, an operator or a cancelled show.
REOPENABLE = frozenset({"hold-expired", "payment-refused"})


class PurchaseReopened(PurchaseMoved, DomainEvent[Order]):
    """A payment arrived for an ended purchase: a new attempt at the old price, paid by that payment."""

    TOPIC = "order.reopened"
    LEADS_TO = "awaiting-payment"
    BEGINS_ATTEMPT = True

    intent_id: str
    hold_until: datetime

    def apply(self, order: Order) -> None:
        """Begin the next attempt, awaiting the payment."""
        order.attempt += 1
        order.cancel_requested = order.capture_requested = False
        order.end_reason = order.payment_refusal = None
        order.checkout_open, order.hold_until = True, self.hold_until


def reopen(order: Order, paid: IntentState, at: datetime) -> None:
    """Begin a new attempt paid by this payment.

    Raise WrongState unless the order ended for a reason in REOPENABLE, PaymentRefused for another amount or currency.
    """
    if order.price is None or order.state != "cancelled" or order.end_reason not in REOPENABLE:
        raise WrongState(
            "the purchase cannot be reopened by a late payment", state=order.state, reason=order.end_reason
        )
    due = (order.price.charge_minor, order.price.currency, 0)
    if (paid.amount_minor, paid.currency, paid.refunded_minor) != due:
        raise PaymentRefused(
            f"{paid.amount_minor} {paid.currency} were paid; the price is {due[0]} {due[1]}",
            reason="wrong-amount",
        )
    until = at + timedelta(seconds=order.hold_seconds)
    order.record(PurchaseReopened, at, intent_id=paid.intent_id, hold_until=until)
