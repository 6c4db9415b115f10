"""The event store on PostgreSQL: one committer thread per process appends all pending decisions in one transaction.

A single append takes a table lock and an fsync, so single appends serialise; a batch pays for both once. The plain
case is one transaction: lock, catch up with the log, decide, append. Two strategies shorten it where they can:
`OptimisticAppend` and `RefuseWithoutLock`.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError

from adapters.event_store.commit_queue import CommitQueue, PendingDecision, Result, resolve
from adapters.event_store.decider import BatchDecider, Saved, translate_database_errors
from adapters.event_store.log import EventLog
from adapters.event_store.optimistic_append import OptimisticAppend
from adapters.event_store.reader import Reader
from adapters.event_store.recorder import event_mapper
from adapters.event_store.refuse_without_lock import RefuseWithoutLock
from adapters.postgres.connections import Waits
from adapters.telemetry.traces import outside_call
from domain.core.unit_of_work import UnitOfWork

T = TypeVar("T")
BATCH_MAX = 256
QUEUE_MAX = 2_000
TIMEOUT_SECONDS = 4.0
COMMITTER = Waits(11.0, 10.0)  # longer than its callers wait: an answer that comes late costs no new connection


class PostgresEventStore:
    """Appends events in batches; see `activities.core.ports.EventStore` for the contract.

    At most `queue_max` decisions are pending, each for at most `timeout_seconds`; beyond that: `OverloadedError`.
    `coalesces` is for callers served over sockets, see `CommitQueue`.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], datetime],
        queue_max: int = QUEUE_MAX,
        timeout_seconds: float = TIMEOUT_SECONDS,
        *,
        coalesces: bool = False,
    ) -> None:
        self.mapper = event_mapper()
        self._log = EventLog(url, COMMITTER)
        self._decider = BatchDecider(self._log, self.mapper, clock)
        self._optimistic = OptimisticAppend(self._decider, self._log)
        self._refusals = RefuseWithoutLock(self._decider, self._log)
        self._queue = CommitQueue(queue_max, timeout_seconds, coalesces=coalesces)
        self._reader = Reader(url, self.mapper, clock, CommitQueue(queue_max, timeout_seconds, coalesces=coalesces))
        self._thread = threading.Thread(target=self._serve, name="committer", daemon=True)
        self._thread.start()

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Any:
        """Decide and append with the next batch."""
        with outside_call("event store", "commit"):
            return await self._queue.submit(decide, reads)

    @property
    def pending(self) -> int:
        """The number of decisions that wait for the committer."""
        return len(self._queue)

    @property
    def crowd(self) -> int:
        """The number of callers whose decisions had to wait in line within a moment just now."""
        return self._queue.crowd

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        """Read aggregates as they are stored."""
        return await self._reader.read(look, reads)

    async def read_with_position(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Any:
        """Read, and return a log position at least as new as everything read: the head, read afterwards."""
        return await self._reader.read(lambda uow: Saved(look(uow), self._reader.head()), reads)

    def close(self) -> None:
        """Finish the pending decisions, then stop."""
        self._reader.close()
        self._queue.close()
        self._thread.join()
        self._log.close()

    def _serve(self) -> None:
        while not self._queue.is_drained:
            batch = self._refusals.resolve_refused(self._queue.take_batch(BATCH_MAX))
            if batch:
                results = self._save(batch)
                self._refusals.observe(results)
                resolve(results)

    def _save(self, batch: Sequence[PendingDecision]) -> list[Result]:
        """Save a batch; when it cannot be stored, save each decision alone, so that one fails no other."""
        try:
            return self._optimistic.try_append(batch) or self._append_under_lock(batch)
        except BaseException as error:  # noqa: BLE001 - every caller gets a result, whatever the error
            self._decider.reset()
            self._decider.batches_alone = 0
            if len(batch) == 1 or _is_disconnected(error):
                return [(decision, error) for decision in batch]
            return [result for decision in batch for result in self._save([decision])]

    def _append_under_lock(self, batch: Sequence[PendingDecision]) -> list[Result]:
        """Lock, catch up, decide and append, in one transaction."""
        with translate_database_errors(unknown=True):
            absent = self._lock_and_catch_up(batch)
            decided = self._decider.decide(batch, absent)
            snapshots = self._decider.cache.due_snapshots(decided.aggregates) if decided.events else ()
            last = self._log.append_and_commit(decided.events, snapshots)
        return self._decider.accept(batch, decided, last or self._decider.cache.position or 0)

    def _lock_and_catch_up(self, batch: Sequence[PendingDecision]) -> set[str]:
        try:
            return self._decider.catch_up(batch, self._log.lock_and_read)
        except psycopg.OperationalError:  # the connection was cut while idle: nothing has been done on it
            self._log.close()
            return self._decider.catch_up(batch, self._log.lock_and_read)


def _is_disconnected(error: BaseException) -> bool:
    """Say whether the connection was lost, so that nothing can be stored now."""
    return isinstance(error.__cause__, OperationalError | InterfaceError | psycopg.OperationalError)
