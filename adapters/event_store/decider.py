"""Makes the decisions of a batch on cached aggregates that are up to date with the log."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import PersistenceError, StoredEvent

from adapters.event_store.aggregate_cache import AggregateCache
from adapters.event_store.commit_queue import PendingDecision, Result
from adapters.event_store.log import EventLog, LogTail, StoredStream
from adapters.event_store.recorder import EventMapper
from domain.core.aggregate import Aggregate
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork

ReadLog = Callable[[int | None, Sequence[str], Sequence[str]], tuple[LogTail, dict[str, StoredStream]]]


class Saved(NamedTuple):
    """A decision's value and the position of the last event; structurally the port's `Committed`."""

    value: Any
    position: int


class Decided(NamedTuple):
    """A batch's outcomes (a value or an error each), its events, and the aggregates they leave."""

    outcomes: list[tuple[Any, BaseException | None]]
    events: list[StoredEvent]
    aggregates: list[Aggregate]


class BatchDecider:
    """The committer's state between batches: the aggregate cache, and whether other processes write too."""

    def __init__(self, log: EventLog, mapper: EventMapper, clock: Callable[[], datetime]) -> None:
        self.cache = AggregateCache(mapper)
        self.batches_alone = 0  # consecutive batches with no events of other processes and no unknown stream
        self._log = log
        self._mapper = mapper
        self._clock = clock

    def catch_up(self, batch: Sequence[PendingDecision], read_log: ReadLog) -> set[str]:
        """Bring the cache up to date with the log and load the batch's streams; return the streams without events."""
        tail, stored = read_log(self.cache.position, self.cache.shared_streams(), self.uncached_streams(batch))
        self.cache.advance(tail)
        self.cache.load(stored, self._log.read_whole)
        absent = {stream for stream, found in stored.items() if not found.events and found.snapshot is None}
        is_alone = not (tail.events or tail.truncated or len(absent) < len(stored))
        self.batches_alone = self.batches_alone + 1 if is_alone else 0
        return absent

    def decide(self, batch: Sequence[PendingDecision], absent: set[str]) -> Decided:
        """Make a batch's decisions."""
        uow = self.open_uow(absent)
        outcomes = [_outcome(uow, decision) for decision in batch]
        return Decided(outcomes, self._mapper.take(uow), list(uow.aggregates().values()))

    def accept(self, batch: Sequence[PendingDecision], decided: Decided, position: int) -> list[Result]:
        """Cache the aggregates of a saved batch; return its results."""
        self.cache.store(decided.aggregates)
        self.cache.position = position
        return [
            (decision, Saved(value, position) if error is None else error)
            for decision, (value, error) in zip(batch, decided.outcomes, strict=True)
        ]

    def uncached_streams(self, batch: Sequence[PendingDecision]) -> list[str]:
        """Return the streams that a batch names and the cache does not have."""
        return list(dict.fromkeys(name for decision in batch for name in decision.reads if name not in self.cache))

    def open_uow(self, absent: set[str]) -> UnitOfWork:
        """Return a unit of work over the cache and the log; the `absent` streams are not read."""
        return UnitOfWork(lambda stream: None if stream in absent else self._load(stream), self._clock())

    def reset(self) -> None:
        """Drop the cache and the connection: after an error neither is known to be right."""
        self.cache.clear()
        self._log.close()

    def _load(self, stream: str) -> Aggregate | None:
        cached = self.cache.pop(stream)
        if cached is not None:
            return cached
        return self.cache.build(stream, self._log.read([stream])[stream], self._log.read_whole)


def _outcome(uow: UnitOfWork, decision: PendingDecision) -> tuple[Any, BaseException | None]:
    """Make one decision; its error is its caller's alone and does not fail the batch."""
    try:
        return uow.attempt(decision.decide, decision.actor), None
    except (PersistenceError, psycopg.Error):
        raise
    except Exception as error:  # noqa: BLE001 - its caller gets it
        return None, error


@contextlib.contextmanager
def translate_database_errors(*, unknown: bool) -> Iterator[None]:
    """Raise TransientError for every error of the database; `unknown` says that the events may have been stored."""
    try:
        yield
    except (PersistenceError, psycopg.Error) as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}", unknown=unknown) from error
