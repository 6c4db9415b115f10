"""Matters at Stripe that workflows follow, in the read models: the folds of their events, and those that are open."""

from datetime import datetime

from adapters.read_models.catalog import Fold, identity_of, opens, sets, time_of
from adapters.read_models.documents import FOLLOW_UPS
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


FOLLOW_UP_FOLDS: dict[type[DomainEvent], Fold] = {
    FollowUpOpened: opens(FOLLOW_UPS, workflow_id=identity_of, state="open", outcome=None, opened_at=time_of),
    FollowUpReopened: sets(FOLLOW_UPS, state="open", opened_at=time_of),
    FollowUpClosed: sets(FOLLOW_UPS, "outcome", state="closed"),
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
