"""Tickets as leaves of their show's tree: recorded at the sale, ended by a refund or a claim, without the chain."""

from collections.abc import Sequence

from activities.core.ports import EventStore
from domain.catalog.show import Show
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.leaf import LeafEnd
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree, TreeOpened


async def record_leaves(store: EventStore, ticket_ids: Sequence[str]) -> None:
    """Make issued tickets leaves, once each, all or none; a void one never becomes a leaf."""
    await store.commit(lambda uow: add_leaves(uow, ticket_ids), map(Ticket.stream, ticket_ids))


def add_leaves(uow: UnitOfWork, ticket_ids: Sequence[str]) -> list[Ticket]:
    """Make issued tickets leaves; return the void ones, which never become leaves."""
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in ticket_ids]
    for ticket in tickets:
        if ticket.leaf is None and ticket.state != "void":
            _record(uow, ticket)
    return [ticket for ticket in tickets if ticket.leaf is None]


def _record(uow: UnitOfWork, ticket: Ticket) -> None:
    show = uow.get(Show, ticket.show_id)
    cid = show.drawings.get(ticket.ticket_type_id)
    if cid is None:
        raise WrongState("the metadata of the ticket type is not drawn", ticket_type_id=ticket.ticket_type_id)
    leaf = uow.get(TicketTree, ticket.show_id).append(ticket.identity, ticket.public_name, cid, uow.at)
    ticket.record_leaf(leaf, uow.at)


def end_leaf(uow: UnitOfWork, ticket: Ticket, cause: LeafEnd) -> None:
    """End a ticket's leaf in ticket and tree; the next root on chain is without it. Without a leaf nothing happens."""
    if ticket.leaf is not None and ticket.is_leaf:
        ticket.end_leaf(cause, uow.at)
        uow.get(TicketTree, ticket.show_id).nullify(ticket.leaf.index, ticket.identity, cause, uow.at)


async def open_tree(store: EventStore, show_id: str, show_mint: str, cluster: str) -> None:
    """Open the tree of a show whose mint is on chain. Idempotent."""

    def decide(uow: UnitOfWork) -> None:
        show = uow.get(Show, show_id)
        if uow.find(TicketTree, show_id) is None:
            names = {"tenant_id": show.tenant_id, "show_id": show_id, "cluster": cluster, "show_mint": show_mint}
            uow.add(TicketTree.begin(TreeOpened, show_id, uow.at, **names))

    await store.commit(decide)
