"""Watch purchases, or all that changes: wake event streams when the read models change."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.ports import ProjectionUpdates
from domain.core.transient import TransientError

LOOK_SECONDS = 0.1
TRANSIENT_SECONDS = 1.0
ANYTHING = ""


class ChangePoller:
    """One poll of the read models for all streams; it polls only while there are streams."""

    def __init__(self, updates: ProjectionUpdates) -> None:
        self._updates = updates
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._since = 0
        self._polling: asyncio.Task[None] | None = None
        self.is_ending: Callable[[], bool] = lambda: False  # set by the server: streams must not delay its shutdown

    @asynccontextmanager
    async def on(self, purchase_id: str) -> AsyncIterator[asyncio.Event]:
        """Watch a purchase, or `ANYTHING`, within the block; a later change sets the event."""
        woken = asyncio.Event()
        since = await self._updates.position() if self._polling is None else 0
        self._waiting[purchase_id].add(woken)
        if self._polling is None:
            self._since, self._polling = since, asyncio.create_task(self._poll())
        try:
            yield woken
        finally:
            self._waiting[purchase_id].discard(woken)
            if not self._waiting[purchase_id]:
                del self._waiting[purchase_id]
            if not self._waiting and self._polling is not None:
                self._polling.cancel()
                self._polling = None

    async def _poll(self) -> None:
        while True:
            try:
                position, changed = await self._updates.changed(self._since)
            except TransientError:
                await asyncio.sleep(TRANSIENT_SECONDS)
                continue
            if position > self._since:
                changed = {*changed, ANYTHING}
            self._since = position
            for purchase_id in self._waiting if self.is_ending() else self._waiting.keys() & changed:
                for woken in self._waiting[purchase_id]:
                    woken.set()
            await asyncio.sleep(LOOK_SECONDS)
