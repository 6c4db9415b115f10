"""Deletes personal data, handled webhooks, client secrets and logs of deliveries whose time has passed."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from activities.core.loops import each_subject
from relay.each import Each

EVERY_SECONDS = 600.0
BATCHES_MAX = 20  # in one round; the next round continues
log = logging.getLogger(__name__)


Erase = Callable[[datetime], Awaitable[int]]
"""Deletes one batch of what is past at a moment; returns the number of rows, 0 when nothing was left to do."""


class Retention:
    """Deletes each kind of data batch by batch until nothing is past, then waits."""

    def __init__(self, kinds: Mapping[str, Erase], clock: Callable[[], datetime], each: Each) -> None:
        self._kinds = kinds
        self._clock = clock
        self._each = each

    async def erase(self) -> int:
        """Delete what is past now; return the number of rows that were deleted or looked at.

        A kind that cannot be deleted only delays itself.
        """
        return sum(await self._each.run(self._erase_kind, list(self._kinds)))

    @each_subject("erase past data")
    async def _erase_kind(self, kind: str) -> int:
        total = 0
        for _ in range(BATCHES_MAX):
            batch = await self._kinds[kind](self._clock())
            if not batch:
                break
            total += batch
            log.info("past data: %d %s", batch, kind)
        return total
