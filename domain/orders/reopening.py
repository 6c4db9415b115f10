"""Revival: money that came after a purchase's hold had run out buys its seats after all, if they are still there."""

from datetime import datetime, timedelta

from domain.core.aggregate import DomainEvent
from domain.core.errors import PaymentRefused, WrongState
from domain.orders.order import Order
from domain.payments.payment_intent import IntentState

# A buyer who let it go, an operator or a cancelled show are not overruled by money.
REOPENABLE = frozenset({"hold-expired", "payment-refused"})


class PurchaseReopened(DomainEvent[Order]):
    """A payment came for a purchase that had ended: a new attempt at the old price, with that payment for its own."""

    TOPIC = "order.reopened"

    intent_id: str
    hold_until: datetime

    def apply(self, order: Order) -> None:
        """Begin the next attempt where the payment is waited for."""
        order.attempt += 1
        order.state, order.end_reason = "placed", None
        order.cancel_requested = order.capture_requested = False
        order.checkout_open, order.hold_until = True, self.hold_until


def reopen(order: Order, paid: IntentState, at: datetime) -> None:
    """Begin a new attempt that this payment pays; refuse another amount or currency, or an end that is meant."""
    if order.price is None or order.state != "cancelled" or order.end_reason not in REOPENABLE:
        raise WrongState(
            "the purchase cannot be reopened by a late payment", state=order.state, reason=order.end_reason
        )
    wanted = (order.price.charge_minor, order.price.currency, 0)
    if (paid.amount_minor, paid.currency, paid.refunded_minor) != wanted:
        raise PaymentRefused(
            f"{paid.amount_minor} {paid.currency} were paid; the price is {wanted[0]} {wanted[1]}",
            reason="wrong-amount",
        )
    until = at + timedelta(seconds=order.hold_seconds)
    order.record(PurchaseReopened, at, intent_id=paid.intent_id, hold_until=until)
