"""Leaves and the books: a sold ticket becomes a leaf, which is owed until its root is on chain."""

from activities.books.post import post
from activities.core.commands import Command, PurchaseRef, TreeRef
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from activities.tokens.trees.leaves import add_leaves
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, minted_postings
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree

LEAVES_PER_PAGE = 200


class RecordLeaves(Command):
    """The issued tickets of a purchase that become leaves."""

    purchase: PurchaseRef
    ticket_ids: tuple[str, ...]


class LeafActivities:
    """Records leaves, and posts them once they are on chain. Idempotent; only the store is asked."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="record_leaves")
    async def record_leaves(self, command: RecordLeaves) -> None:
        """Make issued tickets leaves of their show's tree; those that were refunded meanwhile are owed no more."""

        def decide(uow: UnitOfWork) -> None:
            for ticket in add_leaves(uow, command.ticket_ids):
                _post(uow, ticket)

        await self._store.commit(decide, map(Ticket.stream, command.ticket_ids))

    @activity_on(PURCHASES, name="settle_leaves")
    async def settle_leaves(self, ref: TreeRef) -> int:
        """Post a page of tickets whose leaves are on chain now, each as its mint; return how many are left."""
        tree = await self._store.read(lambda uow: uow.get(TicketTree, ref.show_id))
        page = tree.owed[:LEAVES_PER_PAGE]

        def decide(uow: UnitOfWork) -> int:
            tree = uow.get(TicketTree, ref.show_id)
            on_chain = 0 if tree.root is None else tree.root.size
            count = min(on_chain, tree.settled + LEAVES_PER_PAGE)
            for ticket_id in tree.owed[: count - tree.settled]:
                _post(uow, uow.get(Ticket, ticket_id))
            tree.settle(count, uow.at)
            return on_chain - count

        reads = [Ticket.stream(name) for name in page] + [BooksTransaction.stream(f"{name}:minted") for name in page]
        return (await self._store.commit(decide, [TicketTree.stream(ref.show_id), *reads])).value


def _post(uow: UnitOfWork, ticket: Ticket) -> None:
    """Post that a ticket is owed no more, under the key of its mint; a key that is posted already changes nothing."""
    kind = "voided" if ticket.state == "void" else "minted"
    owner = PurchaseRef(tenant_id=ticket.tenant_id, purchase_id=ticket.purchase_id, attempt=1)
    post(uow, owner, f"{ticket.identity}:minted", kind, minted_postings())
