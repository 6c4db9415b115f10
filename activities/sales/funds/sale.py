"""Stop the sale before the money for its tokens is gone: by a figure that is some seconds old, never by a call."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from domain.core.transient import TransientError
from domain.views.minting import MintingDocument

RELOAD = timedelta(seconds=5)
AGE_MAX = timedelta(minutes=10)


class FiguresReader(Protocol):
    """Reads the newest figures of the payer's watch."""

    async def load(self) -> MintingDocument | None:
        """Return them; None before the first look."""


class SaleFunds:
    """Knows how many tickets can be sold now. A figure that is too old, or missing, stops no sale."""

    def __init__(self, figures: FiguresReader, clock: Callable[[], datetime]) -> None:
        self._figures = figures
        self._clock = clock
        self._document: MintingDocument | None = None
        self._loaded_at: datetime | None = None
        self._sold = 0

    async def room(self) -> int | None:
        """Return the number of tickets whose tokens can be paid for; None where nobody knows."""
        now = self._clock()
        if self._loaded_at is None or now - self._loaded_at >= RELOAD:
            self._loaded_at = now  # those that ask meanwhile take the figure before
            await self._reload()
        document = self._document
        if document is None or now - datetime.fromisoformat(document["at"]) > AGE_MAX:
            return None
        return document["runway"] - self._sold

    def sell(self, tickets: int) -> None:
        """Count tickets that this process has sold since the figure was made."""
        self._sold += tickets

    async def _reload(self) -> None:
        try:
            newest = await self._figures.load()
        except TransientError:
            return
        if newest is not None and (self._document is None or newest["at"] != self._document["at"]):
            self._document, self._sold = newest, 0
