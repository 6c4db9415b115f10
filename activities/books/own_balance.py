"""Post the movements of our own Stripe balance, each once."""

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

    async def post_movement(self, movement: OwnMovement) -> bool:
        """Post a movement under the id of its balance transaction; return whether it was new. Idempotent."""

        def decide(uow: UnitOfWork) -> bool:
            is_new = uow.find(BooksTransaction, movement.entry_id) is None
            kind = movement.kind.replace("_", "-")
            post(uow, NO_PURCHASE, movement.entry_id, kind, movement_postings(movement))
            return is_new

        return (await self._store.commit(decide, (BooksTransaction.stream(movement.entry_id),))).value
