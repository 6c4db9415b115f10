"""Looks at aggregates as they are stored: one thread reads for everybody who asks at a moment, in one round trip."""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from adapters.event_store.aggregate_cache import Mapped, Shelf
from adapters.event_store.commit_queue import Settled, Waiting, WaitingLine, tell
from adapters.event_store.log import Journal, Stored
from domain.core.aggregate import Aggregate
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork

T = TypeVar("T")
BATCH_MAX = 64


class Reader:
    """Each who asks gets aggregates of its own, which nobody changes later. The line's bounds are those of `line`."""

    def __init__(self, url: str, mapper: Mapped, clock: Callable[[], datetime], line: WaitingLine) -> None:
        self._journal = Journal(url)
        self._mapper = mapper
        self._clock = clock
        self._line = line
        self._thread = threading.Thread(target=self._serve, name="reader", daemon=True)
        self._thread.start()

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str]) -> T:
        """Return what a look finds; `reads` are streams that it will look at."""
        found: T = await self._line.stand(look, reads)
        return found

    def head(self) -> int:
        """Return the newest position; only for who looks just now."""
        return self._journal.head()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._line.close()
        self._thread.join()
        self._journal.abandon()

    def _serve(self) -> None:
        while not self._line.is_over:
            batch = self._line.take(BATCH_MAX)
            if batch:
                tell(self._looked(batch))

    def _looked(self, batch: Sequence[Waiting]) -> list[Settled]:
        try:
            stored = self._stored(list(dict.fromkeys(name for waiting in batch for name in waiting.reads)))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            return [(waiting, self._lost(error)) for waiting in batch]
        return [(waiting, self._answer(waiting, stored)) for waiting in batch]

    def _stored(self, streams: Sequence[str]) -> dict[str, Stored]:
        """Read streams; a connection that was cut while it idled is made anew."""
        try:
            return self._journal.read(streams)
        except psycopg.OperationalError:
            self._journal.abandon()
            return self._journal.read(streams)

    def _answer(self, waiting: Waiting, stored: dict[str, Stored]) -> Any:
        def load(stream: str) -> Aggregate | None:
            if stream not in stored:  # whoever asked with this one and needs it, too, gets it from there
                stored.update(self._journal.read([stream]))
            return Shelf(self._mapper).built(stream, stored[stream], self._journal.read_whole)

        try:
            return waiting.decide(UnitOfWork(load, self._clock()))
        except Exception as error:  # noqa: BLE001 - its caller gets it
            return self._lost(error)

    def _lost(self, error: Exception) -> Exception:
        """Say of a lost or refused connection what it means: it passes by, and nothing was done."""
        if not isinstance(error, psycopg.Error):
            return error
        self._journal.abandon()
        transient = TransientError(f"PostgreSQL: {type(error).__name__}")
        transient.__cause__ = error
        return transient
