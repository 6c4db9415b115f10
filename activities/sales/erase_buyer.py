"""Erase the personal data of buyers in the name of a subject, and leave an event that says so."""

from collections.abc import Sequence
from typing import Protocol

from activities.core.ports import EventStore
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.orders.personal_data import KeptBuyer


class BuyerTable(Protocol):
    """The table of personal data."""

    async def erase(self, buyer_ids: Sequence[str]) -> int:
        """Erase buyers; raise WrongState while a purchase of one of them is open."""


class BuyerErasure:
    """Erases buyers whose purchases have ended.

    The event comes first: an erasure that fails after it is repeated, and no row is ever deleted without one.
    """

    def __init__(self, store: EventStore, buyers: BuyerTable) -> None:
        self._store = store
        self._buyers = buyers

    async def erase(self, kept: Sequence[KeptBuyer]) -> int:
        """Erase these buyers, or none; return their number. Raise WrongState while a purchase of one is open."""
        purchases = dict.fromkeys(buyer.purchase_id for buyer in kept)
        if None in purchases:
            raise WrongState(
                "a purchase of release 0.1.0 is not known to have ended; run `boxoffice buyer rotate` first"
            )

        def decide(uow: UnitOfWork) -> None:
            for purchase_id in filter(None, purchases):
                uow.get(Order, purchase_id).erase_buyer(uow.at)

        if kept:
            await self._store.commit(decide)
        return await self._buyers.erase([buyer.buyer_id for buyer in kept])
