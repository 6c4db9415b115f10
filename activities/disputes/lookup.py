"""Find an order's disputes through its blocked tickets."""

from activities.sales.order import ticket_ids_of
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import AmountBreakdown, summed
from domain.orders.order import Order
from domain.payments.dispute import Dispute
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
    """Return the amounts lost to banks in disputes."""
    return summed([dispute.parts for dispute in disputes if dispute.state == "lost"])
