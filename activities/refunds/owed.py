"""What a refund of a sale owes, in the books; and the cash of the till, until a clerk has handed it out."""

from activities.books.post import owe_cash, post
from activities.core.commands import PurchaseRef
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import (
    BooksTransaction,
    at_till_postings,
    excess_postings,
    handed_out_postings,
    mint_key,
    minted_postings,
    owed_postings,
    sale_key,
)
from domain.orders.order import Order
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds


def owed_key(refund_id: str) -> str:
    """Return the key under which the debt of a refund is posted."""
    return f"{refund_id}:owed"


def excess_key(refund_id: str) -> str:
    """Return the key under which the loss by a refund is posted: what of it nobody was owed."""
    return f"{refund_id}:excess"


def is_posted(uow: UnitOfWork, refund: Refund) -> bool:
    """Return whether the books have all that a refund gives: what the buyer is owed, and what nobody owed.

    A refund that names its payment was posted with its decision, or its money was owed before.
    """
    needed = [owed_key(refund.refund_id)] if refund.given.total_minor else []
    if refund.excess_minor:
        needed.append(excess_key(refund.refund_id))
    return bool(refund.intent_id) or all(uow.find(BooksTransaction, key) is not None for key in needed)


def post_owed(uow: UnitOfWork, purchase: PurchaseRef, book: Refunds, refund: Refund) -> None:
    """Post the debt to the buyer, once the sale is posted; cash is owed at the till, or handed out already.

    Raise TransientError before the sale is posted. A refund of 0 has succeeded with that.
    """
    if uow.find(BooksTransaction, sale_key(purchase.purchase_id)) is None:
        raise TransientError("the sale is not settled yet")
    order, currency, amount = uow.get(Order, purchase.purchase_id), book.price.currency, refund.given.total_minor
    post_excess(uow, purchase, book, refund)
    venue_id = order.venue_id or ""
    postings = owed_postings(venue_id, purchase.purchase_id, currency, refund.given, refund.fees)
    is_cash = book.price.tender == "cash" and amount > 0
    if is_cash:
        postings = (*postings, *at_till_postings(venue_id, currency, amount))
    if postings:
        post(uow, purchase, owed_key(refund.refund_id), "refund-owed", postings)
    for ticket_id in refund.ticket_ids:  # never to be minted: end the mint debt under the key of the mint
        post(uow, purchase, mint_key(ticket_id), "voided", minted_postings())
    if not refund.amount_minor:
        book.succeed(refund.refund_id, "", uow.at)
    elif is_cash and refund.state == "requested":
        owe_cash(uow, purchase, order, refund.from_venue_minor - amount, f"cash:{refund.refund_id}")
        book.owe_at_till(refund.refund_id, uow.at)
        if refund.handed_out:
            hand_out(uow, purchase, book, refund.refund_id)


def post_excess(uow: UnitOfWork, purchase: PurchaseRef, book: Refunds, refund: Refund) -> None:
    """Post what of a refund nobody owed, once."""
    lost = excess_postings(purchase.purchase_id, book.currency_of(refund), refund.excess_minor)
    if lost:
        post(uow, purchase, excess_key(refund.refund_id), "refund-excess", lost, refund.intent_id)


def return_excess(uow: UnitOfWork, purchase: PurchaseRef, book: Refunds, refund_id: str) -> None:
    """Record and post that the excess of a failed refund is with us again."""
    if amount_minor := book.return_excess(refund_id, uow.at):
        known = book.get(refund_id)
        back = excess_postings(purchase.purchase_id, book.currency_of(known), amount_minor, returned=True)
        post(uow, purchase, f"{refund_id}:excess-returned", "refund-excess-returned", back, known.intent_id)


def hand_out(uow: UnitOfWork, purchase: PurchaseRef, book: Refunds, refund_id: str) -> None:
    """Record and post that the cash was handed out, once; refuse a refund that is not owed at the till."""
    if book.hand_out(refund_id, uow.at):
        amount, venue_id = book.get(refund_id).amount_minor, uow.get(Order, purchase.purchase_id).venue_id or ""
        postings = handed_out_postings(venue_id, purchase.purchase_id, book.price.currency, amount)
        post(uow, purchase, f"{refund_id}:paid:{book.get(refund_id).turn}", "refund-in-cash", postings)
