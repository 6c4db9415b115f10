"""Queries for the orders of a cancelled show, over read models of a fake event store."""

from collections.abc import Sequence

from adapters.read_models.documents import PURCHASES, RESERVATIONS, DocumentBatch, ReadModel, V
from adapters.read_models.purchase import fold
from domain.views.purchase import PurchaseDocument
from tests.fakes.event_store import FakeEventStore


class FoldedShows:
    """Always up to date; the same conditions as the real SQL."""

    def __init__(self, store: FakeEventStore) -> None:
        self._store = store
        self._batch = DocumentBatch(lambda kind, identity: None)
        self._position = 0

    async def position(self) -> int:
        for place, event in enumerate(self._store.log[self._position :], start=self._position + 1):
            fold(self._batch, event, place)
            self._position = place
        return self._position

    async def head(self) -> int:
        return len(self._store.log)

    async def orders_left(self, show_id: str, after: str, limit: int) -> Sequence[tuple[str, str, int]]:
        left = [document for document in await self._left(show_id) if document["purchase_id"] > after]
        return [(one["purchase_id"], one["tenant_id"], one["attempt"]) for one in left[:limit]]

    async def residue(self, show_id: str) -> int:
        return len(await self._left(show_id))

    async def held_outside(self, show_id: str) -> Sequence[str]:
        found = await self._documents(RESERVATIONS)
        return [name for name, one in found if one["show_id"] == show_id and one["state"] == "held"]

    async def _left(self, show_id: str) -> list[PurchaseDocument]:
        return [one for _, one in await self._documents(PURCHASES) if one["show_id"] == show_id and is_left(one)]

    async def _documents(self, model: ReadModel[V]) -> list[tuple[str, V]]:
        await self.position()
        changed = self._batch.changed()
        return [(identity, document) for name, identity, document in changed if name == model.name]


def is_left(order: PurchaseDocument) -> bool:
    """Return whether an order is open, has a valid ticket, or an unfinished refund."""
    if order["state"] in {"cancelled", "refused"}:
        return False
    valid = any(ticket["state"] in {"issued", "redeemed"} for ticket in order["tickets"])
    open_refund = any(one["state"] != "succeeded" and not one["owed_at_till"] for one in order["refunds"])
    return valid or open_refund or order["refund_state"] not in {"refunded", "refunding"}
