"""The trees of shows in the read models: how far their changes have come to the chain."""

from datetime import datetime

from adapters.read_models.catalog import Fold, identity_of, opens, sets
from adapters.read_models.documents import TREES, DocumentBatch
from adapters.read_models.queries import ReadModels
from domain.core.aggregate import DomainEvent
from domain.tickets.ticket_tree import LeafAppended, LeafDebtSettled, LeafNullified, RootWritten, TreeOpened

WAITING = (
    "SELECT id, doc->>'tenant_id' FROM rm_trees WHERE (doc->>'waiting_since')::timestamptz < %s"
    " OR doc->'leaves_settled' <> doc->'leaves_on_chain' ORDER BY id LIMIT %s"
)


def _changed(documents: DocumentBatch, event: LeafAppended | LeafNullified, _: int) -> None:
    if tree := documents.edit(TREES, identity_of(event)):
        tree["changes"] += 1
        tree["waiting_since"] = tree["waiting_since"] or event.timestamp.isoformat()


def _written(documents: DocumentBatch, event: RootWritten, _: int) -> None:
    if tree := documents.edit(TREES, identity_of(event)):
        tree["changes_on_chain"], tree["leaves_on_chain"] = event.version, event.size
        is_whole = tree["changes"] == event.version
        tree["waiting_since"] = None if is_whole else event.timestamp.isoformat()


TREE_FOLDS: dict[type[DomainEvent], Fold] = {
    TreeOpened: opens(TREES, changes=0, changes_on_chain=0, leaves_on_chain=0, leaves_settled=0, waiting_since=None),
    LeafAppended: _changed,
    LeafNullified: _changed,
    RootWritten: _written,
    LeafDebtSettled: sets(TREES, leaves_settled=lambda event: event.count),
}


class TreeQueries(ReadModels):
    """Queries of the relay about trees."""

    async def waiting_trees(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (show, tenant) of trees with a change from before a time that is not on chain or not settled."""
        return [(str(show_id), str(tenant_id)) for show_id, tenant_id in await self._rows(WAITING, (before, limit))]
