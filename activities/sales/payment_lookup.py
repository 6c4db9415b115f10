"""Find the payments of an order, and record when captured money that bought nothing is back with its buyer."""

from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds


def note_arrival(uow: UnitOfWork, book: Refunds, refund: Refund) -> None:
    """Record on a payment that bought nothing whether all of its money has reached the buyer."""
    if not refund.intent_id:
        return
    payment = payment_of(uow, book.identity, refund.intent_id)
    if payment.state not in {"owed", "refunded"}:  # it bought a sale: a part of a refund of that sale
        return
    if all(one.state == "succeeded" for one in book.of_payment(refund.intent_id)):
        payment.refund(refund.stripe_refund_id or refund.refund_id, uow.at)
    else:
        payment.owe(uow.at)


def find_payment(uow: UnitOfWork, purchase_id: str, intent_id: str) -> Payment | None:
    """Find the payment of an intent: a stray one, or that of an attempt; without an id, that of the last attempt."""
    attempts = range(uow.get(Order, purchase_id).attempt, 0, -1)
    for which in (intent_id, *map(str, attempts)):
        payment = uow.find(Payment, f"{purchase_id}:{which}")
        if payment is not None and intent_id in {"", payment.intent_id}:
            return payment
    return None


def payment_of(uow: UnitOfWork, purchase_id: str, intent_id: str) -> Payment:
    """Return the payment of an intent: a stray one, or that of an attempt."""
    payment = find_payment(uow, purchase_id, intent_id)
    if payment is not None:
        return payment
    raise WrongState("the purchase has no such payment", purchase_id=purchase_id, intent_id=intent_id)
