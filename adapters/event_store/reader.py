"""Reads aggregates as they are stored: one thread serves all readers of a moment in one round trip."""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from adapters.event_store.aggregate_cache import AggregateCache
from adapters.event_store.commit_queue import CommitQueue, PendingDecision, Result, resolve
from adapters.event_store.log import EventLog, StoredStream
from adapters.event_store.recorder import EventMapper
from adapters.postgres.connections import REQUEST
from domain.core.aggregate import Aggregate
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork

T = TypeVar("T")
BATCH_MAX = 64


class Reader:
    """Each caller gets aggregates of its own, which nobody changes later. `queue` bounds the waiting readers."""

    def __init__(self, url: str, mapper: EventMapper, clock: Callable[[], datetime], queue: CommitQueue) -> None:
        self._log = EventLog(url, REQUEST)
        self._mapper = mapper
        self._clock = clock
        self._queue = queue
        self._thread = threading.Thread(target=self._serve, name="reader", daemon=True)
        self._thread.start()

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str]) -> T:
        """Return the result of `look`; `reads` names streams to read beforehand, together with other readers'."""
        found: T = await self._queue.submit(look, reads)
        return found

    def head(self) -> int:
        """Return the log's head; call it only from within `look`."""
        return self._log.head()

    def close(self) -> None:
        """Serve the pending readers, then stop."""
        self._queue.close()
        self._thread.join()
        self._log.close()

    def _serve(self) -> None:
        while not self._queue.is_drained:
            batch = self._queue.take_batch(BATCH_MAX)
            if batch:
                resolve(self._read_batch(batch))

    def _read_batch(self, batch: Sequence[PendingDecision]) -> list[Result]:
        try:
            stored = self._read_streams(list(dict.fromkeys(name for reader in batch for name in reader.reads)))
        except Exception as error:  # noqa: BLE001 - the callers get it
            return [(reader, self._translated(error)) for reader in batch]
        return [(reader, self._result(reader, stored)) for reader in batch]

    def _read_streams(self, streams: Sequence[str]) -> dict[str, StoredStream]:
        """Read streams; reconnect when the connection was cut while it was idle."""
        try:
            return self._log.read(streams)
        except psycopg.OperationalError:
            self._log.close()
            return self._log.read(streams)

    def _result(self, reader: PendingDecision, stored: dict[str, StoredStream]) -> Any:
        def load(stream: str) -> Aggregate | None:
            if stream not in stored:  # kept for the batch's other readers
                stored.update(self._log.read([stream]))
            return AggregateCache(self._mapper).build(stream, stored[stream], self._log.read_whole)

        try:
            return UnitOfWork(load, self._clock()).attempt(reader.decide, reader.actor)
        except Exception as error:  # noqa: BLE001 - its caller gets it
            return self._translated(error)

    def _translated(self, error: Exception) -> Exception:
        """Return TransientError for a database error, and close the connection; return any other error unchanged."""
        if not isinstance(error, psycopg.Error):
            return error
        self._log.close()
        transient = TransientError(f"PostgreSQL: {type(error).__name__}")
        transient.__cause__ = error
        return transient
