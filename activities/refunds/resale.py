"""Put the seats of a refund on sale again: first room in the show's group on chain, then the stock."""

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
        """Put a refund's seats on sale again, if the show resells and still sells; return their number.

        Requires that the refund's tokens are burnt or forgone; the group is enlarged before the stock.
        """
        wanted = (await self._store.commit(lambda uow: add_group_capacity(uow, refund))).value
        if wanted is None:
            return 0
        show_id, size_min = wanted
        await fit(self._store, self._chain, show_id, lambda _, size_max: size_max < size_min)
        return (await self._store.commit(lambda uow: restock_seats(uow, refund))).value


def add_group_capacity(uow: UnitOfWork, refund: RefundRef) -> tuple[str, int] | None:
    """Add a refund's burnt tokens to the group's limit, since they stay members of it; a leaf never was one.

    Return the show and its group's new limit; None when nothing goes back on sale.
    """
    show, tickets = _resold(uow, refund)
    if not tickets:
        return None
    members = sum(ticket.leaf_end != "refund" for ticket in tickets)
    if members:
        show.add_group_capacity(refund.refund_id, members, uow.at)
    return show.identity, show.group_size


def restock_seats(uow: UnitOfWork, refund: RefundRef) -> int:
    """Return a refund's seats to the stock, if the show still sells; return their number."""
    _, tickets = _resold(uow, refund)
    key = hold_key_of(refund.purchase.purchase_id, refund.purchase.attempt)
    for ticket_type_id, quantity in Counter(ticket.ticket_type_id for ticket in tickets).items():
        uow.get(Allocation, ticket_type_id).give_back(key, quantity, refund.refund_id, uow.at)
    return len(tickets)


def _resold(uow: UnitOfWork, refund: RefundRef) -> tuple[Show, list[Ticket]]:
    """Return the show and the tickets whose seats go back on sale; redeemed tickets are left out."""
    show = uow.get(Show, uow.get(Order, refund.purchase.purchase_id).show_id)
    if not show.resells(uow.at):
        return show, []
    tickets = [uow.get(Ticket, ticket_id) for ticket_id in refund.ticket_ids]
    if not all(ticket.token_is_over for ticket in tickets):
        raise TransientError("a token of the refund is not burnt yet")
    return show, [ticket for ticket in tickets if not ticket.entered]
