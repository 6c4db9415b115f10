"""Deletes personal data, handled webhooks and client secrets whose time has passed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from domain.core.transient import TransientError

EVERY_SECONDS = 600.0
BATCHES_MAX = 20  # in one round; the next round continues
log = logging.getLogger(__name__)


class PastData(Protocol):
    """Data that is kept for a time."""

    async def erase_past(self, at: datetime) -> Sequence[int]:
        """Delete one batch of what is past at a moment; return numbers of rows, all 0 when nothing was left to do."""


class Retention:
    """Deletes batch by batch until nothing is past, then waits."""

    def __init__(self, data: PastData, clock: Callable[[], datetime]) -> None:
        self._data = data
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Delete in rounds until stopped; a transient error only delays."""
        while not stopping.is_set():
            try:
                await self.erase()
            except TransientError as transient:
                log.warning("past data could not be deleted; retrying: %s", transient)
            except Exception:  # a bug stays visible in the log, and the next round is made
                log.exception("past data could not be deleted")
            try:
                async with asyncio.timeout(EVERY_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def erase(self) -> int:
        """Delete what is past now; return the number of rows that were deleted or looked at."""
        total = 0
        for _ in range(BATCHES_MAX):
            batch = await self._data.erase_past(self._clock())
            if not sum(batch):
                break
            total += sum(batch)
            log.info("past data: %s", batch)
        return total
