"""Tell workflows of news about matters at Stripe, and start those again that were ended by force."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from activities.core.about import About
from activities.core.follow_ups import Matter
from activities.core.loops import each_subject
from activities.sales.request_purchase import PurchaseStatus
from domain.views.follow_up import FollowUpDocument
from relay.each import Each

PAGE = 50
EVERY_SECONDS = 5.0  # between pages: each open matter costs the engine a call that finds its workflow running
SETTLE = timedelta(seconds=3)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class FollowUpStarter(Protocol):
    """Starts the workflows that follow matters."""

    async def follow(self, matter: Matter, about: About, *, is_news: bool) -> bool:
        """Start the workflow unless it runs, and tell it of news; False when the engine is unreachable."""


class FollowUpRecorder(Protocol):
    """Records the matters that must be followed."""

    async def open_follow_up(self, matter: Matter) -> None:
        """Record that the matter must be followed. Idempotent."""


class PurchaseLook(Protocol):
    """Reads purchases from their events."""

    async def look(self, purchase_id: str) -> PurchaseStatus | None:
        """Return the status of a purchase, or None when there is none."""


class OpenFollowUps(Protocol):
    """Matters in the read models that are not closed."""

    async def open_follow_ups(self, after: str, before: datetime, limit: int) -> Sequence[FollowUpDocument]:
        """Return matters opened before a time and still open, after an id, ordered by id."""


class FollowUps:
    """Every matter is recorded before its workflow is told, and followed until an activity has closed it."""

    def __init__(
        self,
        engine: FollowUpStarter,
        records: FollowUpRecorder,
        purchases: PurchaseLook,
        stalled: OpenFollowUps,
        each: Each,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._now = now
        self._engine = engine
        self._records = records
        self._purchases = purchases
        self._stalled = stalled
        self._each = each
        self._clock = clock
        self._after = ""
        self._next = 0.0

    async def tell(self, matter: Matter) -> bool:
        """Record the matter and tell its workflow; False when the engine is unreachable."""
        await self._records.open_follow_up(matter)
        return await self._engine.follow(matter, await self._about(matter), is_news=True)

    async def resume(self) -> None:
        """Start the workflows of the next page of open matters; a running one is left alone."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_SECONDS
        page = await self._stalled.open_follow_ups(self._after, self._now() - SETTLE, PAGE)
        self._after = page[-1]["workflow_id"] if len(page) == PAGE else ""
        await self._each.run(self._resume_one, page)

    @each_subject("resume follow-ups", lambda found: found["workflow_id"])
    async def _resume_one(self, found: FollowUpDocument) -> None:
        matter = Matter.model_validate(found)
        await self._engine.follow(matter, await self._about(matter), is_news=False)

    async def _about(self, matter: Matter) -> About:
        """Return whom a matter is about, for operators."""
        if not matter.purchase_id:
            return About(venue_id=matter.venue_id)
        events = await self._purchases.look(matter.purchase_id)
        return events.about if events is not None else About(matter.purchase_id, matter.show_id, matter.venue_id)
