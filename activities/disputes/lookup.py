"""Find an order's disputes through its blocked tickets, and who holds the money of a charge."""

from activities.core.commands import PurchaseRef
from activities.sales.order import ticket_ids_of
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import AmountBreakdown, breakdown_of, summed
from domain.orders.order import Order
from domain.payments.dispute import Dispute
from domain.payments.holdings import Holdings, holdings_of
from domain.payments.payment import Payment
from domain.payments.refunds import Refunds
from domain.tickets.ticket import Ticket


def disputes_of(uow: UnitOfWork, order: Order) -> list[Dispute]:
    """Return the disputes that block an order's tickets: open, or lost."""
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids_of(order)]
    named = dict.fromkeys(dispute_id for ticket in tickets for dispute_id in ticket.dispute_ids)
    return [uow.get(Dispute, dispute_id) for dispute_id in named]


def is_undecided(disputes: list[Dispute]) -> bool:
    """Return whether a dispute is still open."""
    return any(dispute.state == "open" for dispute in disputes)


def lost_breakdown(disputes: list[Dispute]) -> AmountBreakdown:
    """Return the amounts that the parties of a sale have lost to banks."""
    return summed([dispute.taken.parties for dispute in disputes if dispute.state == "lost"])


def is_of_sale(uow: UnitOfWork, order: Order, intent_id: str) -> bool:
    """Return whether a payment is the one that bought an order's tickets.

    Raise TransientError while the purchase may still be sold.
    """
    if not order.is_sold:
        if order.is_unsold:
            return False
        raise TransientError("the disputed sale is not recorded yet")
    payment = uow.find(Payment, f"{order.identity}:{order.attempt}")
    return payment is not None and intent_id in {payment.intent_id, ""}


def sale_holdings(uow: UnitOfWork, order: Order) -> Holdings:
    """Return who holds the money of a sale's charge now: after its refunds, owed ones too, and its disputes."""
    if order.price is None or not order.price.charge_minor:
        return Holdings(parties=AmountBreakdown())
    disputes, book = disputes_of(uow, order), uow.find(Refunds, order.identity)
    taken = [one.taken for one in disputes if one.state == "open"]
    taken += [one.taken.model_copy(update={"owed_minor": 0}) for one in disputes if one.state == "lost"]
    payment = uow.find(Payment, f"{order.identity}:{order.attempt}")
    names = ("",) if payment is None else ("", payment.intent_id)
    refunds = [] if book is None else [refund.given_back for refund in book.of_payment(*names)]
    return holdings_of(breakdown_of(order.price), refunds, taken, order.price.currency)


def other_holdings(uow: UnitOfWork, purchase: PurchaseRef, intent_id: str) -> Holdings:
    """Return who holds the money of a payment that bought nothing: the buyer, as far as a refund is still owed.

    Raise TransientError while its fate is undecided.
    """
    names = (f"{purchase.purchase_id}:{which}" for which in (intent_id, *range(1, purchase.attempt + 1)))
    found = [payment for name in names if (payment := uow.find(Payment, name)) is not None]
    payment = next((one for one in found if one.intent_id == intent_id), None)
    if payment is not None and payment.state == "captured":
        raise TransientError("the disputed payment bought nothing, and is not owed to its buyer yet")
    book = uow.find(Refunds, purchase.purchase_id)
    refunds = [] if book is None else [refund.given_back for refund in book.of_payment(intent_id)]
    return Holdings(
        parties=AmountBreakdown(),
        owed_minor=sum(refund.due_minor for refund in refunds),
        own_minor=sum(refund.by_hand_minor for refund in refunds),
    )
