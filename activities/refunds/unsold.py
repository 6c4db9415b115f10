"""Captured money that bought nothing: owed to its buyer at once, and given back by refunds like any other."""

from collections.abc import Sequence

from activities.books.post import post
from activities.refunds.owed import post_excess
from activities.refunds.request_refund import book_of
from activities.sales.order import attempt_of
from domain.core.errors import RefundExceeds
from domain.core.ids import refund_id_of
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import unsold_postings
from domain.money.currency import shown
from domain.money.money import FeeRates, price_of
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.payment_intent import StripeRefund
from domain.payments.refund import BOUGHT_NOTHING, MADE_AT_STRIPE, Refund
from domain.payments.refunds import Refunds

FAILED_AT_STRIPE = frozenset({"failed", "canceled"})


def owe_back(uow: UnitOfWork, payment: Payment, made: Sequence[StripeRefund], *, bears_excess: bool = False) -> None:
    """Owe all captured money of a payment to its buyer, and decide the refunds that return it; idempotent.

    `made` are the refunds of the payment at Stripe: those of a person take part. The books have the debt with this
    decision, so nothing else waits for the refunds. Raise RefundExceeds for a person's refund of more than is owed,
    unless the platform bears that.
    """
    known = uow.find(Refunds, payment.purchase_id)
    if payment.state == "refunded" and (known is None or not strangers(known, made)):
        return
    order = uow.get(Order, payment.purchase_id)
    purchase = attempt_of(order)
    payment.owe(uow.at)
    owed = unsold_postings(order.identity, payment.currency, payment.captured_minor, payment.stripe_fee_minor)
    post(uow, purchase, f"{payment.identity}:owed", "payment-owed", owed)
    price = order.price or price_of(payment.currency, (), FeeRates())
    book = book_of(uow, order, price)
    for one in strangers(book, made):
        if book.take_place(one, payment.intent_id, uow.at):
            continue
        book.pay_failed(one, payment.intent_id, uow.at)
        left_minor = payment.captured_minor - _decided(book, payment)
        excess_minor = excess_of(book, one, left_minor, payment.currency, payment.intent_id, bears_excess=bears_excess)
        adopted = _back(order, payment, one.refund_id, MADE_AT_STRIPE, one.amount_minor - excess_minor)
        adopted = book.give_back(adopted.model_copy(update={"excess_minor": excess_minor}), uow.at)
        post_excess(uow, purchase, book, adopted)
        book.pend(adopted.refund_id, one.refund_id, uow.at)
    decided_minor = _decided(book, payment)
    if decided_minor < payment.captured_minor:
        rest_minor = payment.captured_minor - decided_minor
        book.give_back(_back(order, payment, payment.intent_id, BOUGHT_NOTHING, rest_minor), uow.at)


def excess_of(
    book: Refunds, made: StripeRefund, owed_minor: int, currency: str, *names: str, bears_excess: bool
) -> int:
    """Return how much of a person's refund nobody owes; raise RefundExceeds unless the platform bears it.

    `names` are the ids by which refunds name the payment. Raise TransientError while one of ours is about to be made:
    Stripe then decides which of the two it makes.
    """
    excess_minor = max(made.amount_minor - owed_minor, 0)
    if excess_minor and any(one.state == "requested" for one in book.of_payment(*names)):
        raise TransientError("a refund of this payment is about to be made; Stripe decides which of them it makes")
    if excess_minor and not bears_excess:
        figures = (shown(minor, currency) for minor in (made.amount_minor, owed_minor))
        text = "refund {} of {} exceeds the {} that the buyer is still owed; bear_excess books the rest as a loss"
        raise RefundExceeds(text.format(made.refund_id, *figures), left_minor=owed_minor)
    return excess_minor


def _decided(book: Refunds, payment: Payment) -> int:
    """Return what refunds give back of a payment, less what nobody owed."""
    return sum(refund.amount_minor - refund.excess_minor for refund in book.of_payment(payment.intent_id))


def strangers(book: Refunds, made: Sequence[StripeRefund]) -> list[StripeRefund]:
    """Return the refunds at Stripe that were made without us and are not recorded yet, oldest first."""
    valid = [one for one in made if one.status not in FAILED_AT_STRIPE]
    return [one for one in reversed(valid) if book.holder_of(one) is None]


def _back(order: Order, payment: Payment, cause: str, reason: str, amount_minor: int) -> Refund:
    return Refund(
        refund_id=refund_id_of(order.nonce, order.tenant_id, order.identity, cause),
        body_digest=cause,
        reason=reason,
        fees="platform",
        ticket_ids=(),
        intent_id=payment.intent_id,
        currency=payment.currency,
        unsold_minor=amount_minor,
    )
