"""Post the movements of our own Stripe balance, each once."""

from collections.abc import Sequence

from activities.books.post import post
from activities.core.commands import PurchaseRef
from activities.core.ports import EventStore
from domain.core.ids import DEFAULT_TENANT
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction
from domain.payments.own_movement import OwnMovement, movement_postings

NO_PURCHASE = PurchaseRef(tenant_id=DEFAULT_TENANT, purchase_id="", attempt=0)


class OwnBalanceCommands:
    """Command handler of the worker's loop over our own balance."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def post_movements(self, movements: Sequence[OwnMovement]) -> int:
        """Post each movement under the id of its balance transaction; return how many were new. Idempotent."""

        def decide(uow: UnitOfWork) -> int:
            fresh = [one for one in movements if uow.find(BooksTransaction, one.entry_id) is None]
            for one in fresh:
                post(uow, NO_PURCHASE, one.entry_id, one.kind.replace("_", "-"), movement_postings(one))
            return len(fresh)

        reads = tuple(BooksTransaction.stream(one.entry_id) for one in movements)
        return (await self._store.commit(decide, reads)).value if movements else 0
