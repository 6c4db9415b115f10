"""The seats of a refund on sale again: what is decided before the chain is asked for room, and what after it."""

from collections import Counter

from activities.core.commands import RefundRef
from activities.core.ports import EventStore
from activities.core.task_queues import MINT, activity_on
from activities.tokens.group_size import GroupChain, fit
from domain.catalog.show import Show
from domain.core.ids import hold_key_of
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.stock.allocation import Allocation
from domain.tickets.ticket import Ticket


class ResaleActivities:
    """Puts the seats of a refund on sale again."""

    def __init__(self, store: EventStore, chain: GroupChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(MINT, name="resell_seats")
    async def resell_seats(self, refund: RefundRef) -> int:
        """Put a refund's seats on sale again, where the show says so and still sells; returns how many.

        Its tokens are over, and the group takes as many more before the stock has them.
        """
        room = (await self._store.commit(lambda uow: add_group_capacity(uow, refund))).value
        if room is None:
            return 0
        show_id, size_least = room
        await fit(self._store, self._chain, show_id, lambda _, taken: taken < size_least)
        return (await self._store.commit(lambda uow: restock_seats(uow, refund))).value


def add_group_capacity(uow: UnitOfWork, refund: RefundRef) -> tuple[str, int] | None:
    """Count a refund's burnt tokens into what the group takes, since they stay members of it.

    Returns the show and what its group is to take; None when nothing goes back on sale.
    """
    show, seats = _seats(uow, refund)
    if not seats:
        return None
    show.add_group_capacity(refund.refund_id, seats.total(), uow.at)
    return show.identity, show.group_size


def restock_seats(uow: UnitOfWork, refund: RefundRef) -> int:
    """Let a refund's seats be held again, if the show still sells; returns how many."""
    _, seats = _seats(uow, refund)
    key = hold_key_of(refund.purchase.purchase_id, refund.purchase.attempt)
    for ticket_type_id, quantity in seats.items():
        uow.get(Allocation, ticket_type_id).give_back(key, quantity, refund.refund_id, uow.at)
    return seats.total()


def _seats(uow: UnitOfWork, refund: RefundRef) -> tuple[Show, Counter[str]]:
    """Return the show and the seats by ticket type; one that somebody has entered for stays with whoever did."""
    show = uow.get(Show, uow.get(Order, refund.purchase.purchase_id).show_id)
    if not show.resells(uow.at):
        return show, Counter()
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in refund.ticket_ids]
    if not all(ticket.token_is_over for ticket in tickets):
        raise TransientError("a token of the refund is not over yet")
    return show, Counter(ticket.ticket_type_id for ticket in tickets if not ticket.entered)
