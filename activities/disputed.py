"""What banks take of an order, or have taken: read from its tickets, each of which names what blocks it."""

from activities.sales import ticket_ids_of
from domain.desk import Desk
from domain.dispute import Dispute
from domain.order import Order
from domain.refund_parts import Parts, summed
from domain.ticket import Ticket


def disputes_of(desk: Desk, order: Order) -> list[Dispute]:
    """Return the disputes that block an order's tickets: open, or lost."""
    tickets = [desk.get(Ticket, ticket_id) for ticket_id in ticket_ids_of(order)]
    named = dict.fromkeys(dispute_id for ticket in tickets for dispute_id in ticket.dispute_ids)
    return [desk.get(Dispute, dispute_id) for dispute_id in named]


def is_undecided(disputes: list[Dispute]) -> bool:
    """Say whether a bank has not decided yet."""
    return any(dispute.state == "open" for dispute in disputes)


def lost_of(disputes: list[Dispute]) -> Parts:
    """Return what banks have given back for good."""
    return summed([dispute.parts for dispute in disputes if dispute.state == "lost"])
