"""Matters at Stripe that workflows follow, in the read models: the folds of their events, and those that are open."""

from datetime import datetime

from adapters.read_models.catalog import Fold, identity_of
from adapters.read_models.documents import FOLLOW_UPS, DocumentBatch
from adapters.read_models.pending.letters import LetterQueries
from adapters.read_models.pending.outgoing import DeliveryQueries
from adapters.read_models.pending.trees import TreeQueries
from adapters.read_models.queries import ReadModels
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from adapters.read_models.stalled_work import StalledWorkQueries
from domain.core.aggregate import DomainEvent
from domain.payments.follow_up import FollowUpClosed, FollowUpOpened, FollowUpReopened
from domain.views.follow_up import FollowUpDocument

OPEN_FOLLOW_UPS = (
    "SELECT doc FROM rm_follow_ups WHERE doc->>'state' = 'open' AND (doc->>'opened_at')::timestamptz < %s"
    " AND id > %s ORDER BY id LIMIT %s"
)


def _opened(documents: DocumentBatch, event: FollowUpOpened, _: int) -> None:
    follow_up: FollowUpDocument = {
        "workflow_id": identity_of(event),
        "kind": event.kind,
        "subject_id": event.subject_id,
        "tenant_id": event.tenant_id,
        "purchase_id": event.purchase_id,
        "attempt": event.attempt,
        "show_id": event.show_id,
        "venue_id": event.venue_id,
        "account_id": event.account_id,
        "state": "open",
        "outcome": None,
        "opened_at": event.timestamp.isoformat(),
    }
    documents.put(FOLLOW_UPS, follow_up["workflow_id"], follow_up)


def _reopened(documents: DocumentBatch, event: FollowUpReopened, _: int) -> None:
    if follow_up := documents.edit(FOLLOW_UPS, identity_of(event)):
        follow_up["state"], follow_up["opened_at"] = "open", event.timestamp.isoformat()


def _closed(documents: DocumentBatch, event: FollowUpClosed, _: int) -> None:
    if follow_up := documents.edit(FOLLOW_UPS, identity_of(event)):
        follow_up["state"], follow_up["outcome"] = "closed", event.outcome


FOLLOW_UP_FOLDS: dict[type[DomainEvent], Fold] = {
    FollowUpOpened: _opened,
    FollowUpReopened: _reopened,
    FollowUpClosed: _closed,
}


class FollowUpQueries(ReadModels):
    """Open matters, for the relay."""

    async def open_follow_ups(self, after: str, before: datetime, limit: int) -> list[FollowUpDocument]:
        """Return matters that were opened before a time and are still followed, after an id, ordered by id."""
        return [row[0] for row in await self._rows(OPEN_FOLLOW_UPS, (before, after, limit))]


class RelayQueries(
    StalledWorkQueries, ShowCancellationQueries, FollowUpQueries, TreeQueries, DeliveryQueries, LetterQueries
):
    """All queries of the relay."""
