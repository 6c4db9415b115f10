"""The event store on PostgreSQL: one committer thread per process saves every waiting decision in one transaction.

A single append takes a table lock and an fsync, so that single appends serialise; a batch pays for both once. In the
transaction: lock, fast-forward, decide, insert; so several processes never throw each other's work away.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from adapters.event_store.aggregate_cache import Shelf
from adapters.event_store.commit_queue import Settled, Waiting, WaitingLine, tell
from adapters.event_store.log import Journal, LogTail, Snapshot, Stored
from adapters.event_store.reader import Reader
from adapters.event_store.recorder import create_events_table, event_mapper, open_recorder
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import Refusal
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork

T = TypeVar("T")
BATCH_MAX = 256
COMMIT_QUEUE_MAX = 2_000
PATIENCE_SECONDS = 4.0
BOLD_AFTER = 16  # a bet that is lost costs the reading of what was decided about
BOLD_SECONDS = 1.0


class Saved(NamedTuple):
    """A decision's answer and the position of the last event; structurally the port's `Committed`."""

    value: Any
    position: int


class PostgresEventStore:
    """Appends events in groups; see `activities.core.ports.EventStore` for the contract.

    At most `commit_queue_max` decisions wait, each for `patience_seconds` at most; beyond that: `OverloadedError`.
    `gathers` is for callers who come by sockets, see `adapters.event_store.commit_queue`.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], datetime],
        commit_queue_max: int = COMMIT_QUEUE_MAX,
        patience_seconds: float = PATIENCE_SECONDS,
        *,
        gathers: bool = False,
    ) -> None:
        self._recorder = open_recorder(url, pool_size=2)
        create_events_table(url, self._recorder)
        self._clock = clock
        self.mapper = event_mapper()
        self._journal = Journal(url)
        self._shelf = Shelf(self.mapper)
        self._line = WaitingLine(commit_queue_max, patience_seconds, gathers=gathers)
        self._reader = Reader(url, self.mapper, clock, WaitingLine(commit_queue_max, patience_seconds, gathers=gathers))
        self._lone = 0  # how many batches in a row nobody else has appended, and what was looked for was new
        self._decided_at = 0.0
        self._refuses = False  # whether the last batch had nothing but refusals
        self._thread = threading.Thread(target=self._serve, name="committer", daemon=True)
        self._thread.start()

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Any:
        """Decide and append with the next batch."""
        return await self._line.stand(decide, reads)

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        """Look at aggregates as they are stored."""
        return await self._reader.read(look, reads)

    async def look(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Any:
        """Look, and say which position nothing that was seen lies beyond: the head, asked for after the look."""
        return await self._reader.read(lambda uow: Saved(look(uow), self._reader.head()), reads)

    def events_of(self, stream: str) -> list[DomainEvent]:
        """Return all events of one stream, oldest first."""
        return [cast(DomainEvent, self.mapper.to_domain_event(event)) for event in self._recorder.select_events(stream)]

    @property
    def recorder(self) -> PostgresApplicationRecorder:
        """The recorder, for readers of the notification log."""
        return self._recorder

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._reader.close()
        self._line.close()
        self._thread.join()
        self._journal.abandon()
        self._recorder.datastore.close()

    def _serve(self) -> None:
        while not self._line.is_over:
            batch = self._line.take(BATCH_MAX)
            if self._refuses and self._shelf.position is not None:
                batch = self._without_refused(batch)
            if batch:
                gather_all = self._settled(batch)
                self._refuses = all(isinstance(outcome, Refusal) for _, outcome in gather_all)
                tell(gather_all)

    def _without_refused(self, batch: Sequence[Waiting]) -> list[Waiting]:
        """Tell whoever is refused by what is stored now; returns the others, who may change something.

        A refusal changes nothing and needs no lock: when a show is sold out, thousands who are told so do not wait for
        those who bought, whose steps take the lock in turn.
        """
        told: list[Settled] = []
        left: list[Waiting] = []
        try:
            with _as_transient(unknown=False):
                absent = self._caught_up(batch, self._journal.look)
                uow = UnitOfWork(lambda stream: None if stream in absent else self._load(stream), self._clock())
                for waiting in batch:
                    refusal = _refusal(uow, waiting)
                    if refusal is None:
                        left.append(waiting)
                    else:
                        told.append((waiting, refusal))
                self._shelf.keep(uow.aggregates().values())
        except Exception:  # noqa: BLE001 - whatever it was comes again under the lock, and there its callers are told
            self._shelf.clear()
            self._journal.abandon()
            return list(batch)
        tell(told)
        return left

    def _settled(self, batch: Sequence[Waiting]) -> list[Settled]:
        """Save a batch; when one of its decisions cannot be stored, each is saved alone and spoils nobody else's."""
        try:
            return self._bet(batch) or self._transact(batch)
        except BaseException as error:  # noqa: BLE001 - every waiter is told, whatever it was
            self._shelf.clear()
            self._journal.abandon()
            self._lone = 0
            if len(batch) == 1 or _is_cut(error):
                return [(waiting, error) for waiting in batch]
            return [gather_all for waiting in batch for gather_all in self._settled([waiting])]

    def _bet(self, batch: Sequence[Waiting]) -> list[Settled] | None:
        """Decide by what is known and append if nobody else has meanwhile, in one round trip; None when it was lost.

        Without a pause only: a connection that was cut while nobody used it would leave all of them in the dark.
        """
        now, position = time.monotonic(), self._shelf.position
        is_bold, self._decided_at = self._lone >= BOLD_AFTER and now - self._decided_at < BOLD_SECONDS, now
        if not is_bold or position is None:
            return None
        new = set(self._unknown(batch))
        with _as_transient(unknown=True):
            uow, outcomes, events = self._decided(batch, new)
            head = self._journal.append_if(position, list(new), events) if events else None
        aggregates = list(uow.aggregates().values())
        if not events:  # whoever only looks, or is refused, is told what is so now
            self._shelf.keep(aggregates)
            return None
        if head is None:
            self._lone = 0
            return None
        answers = self._answers(batch, outcomes, aggregates, head)
        due = self._shelf.due(aggregates)
        if due:
            self._keep(due)
        return answers

    def _keep(self, due: Sequence[Snapshot]) -> None:
        """Keep snapshots of what is stored; where that fails, a later one serves."""
        try:
            self._journal.keep(due)
        except psycopg.Error:
            self._journal.abandon()

    def _transact(self, batch: Sequence[Waiting]) -> list[Settled]:
        with _as_transient(unknown=True):
            absent = self._begin(batch)
            uow, outcomes, events = self._decided(batch, absent)
            aggregates = list(uow.aggregates().values())
            last = self._journal.finish(events, self._shelf.due(aggregates) if events else ())
        return self._answers(batch, outcomes, aggregates, last or self._shelf.position or 0)

    def _decided(
        self, batch: Sequence[Waiting], absent: set[str]
    ) -> tuple[UnitOfWork, list[tuple[Any, BaseException | None]], list[StoredEvent]]:
        """Let a batch decide; returns its unit of work, each one's value or error, and what is to be stored."""
        uow = UnitOfWork(lambda stream: None if stream in absent else self._load(stream), self._clock())
        outcomes = [_outcome(uow, waiting) for waiting in batch]
        return uow, outcomes, [self.mapper.to_stored_event(event) for event in uow.collect()]

    def _answers(
        self,
        batch: Sequence[Waiting],
        outcomes: Sequence[tuple[Any, BaseException | None]],
        aggregates: Sequence[Aggregate],
        position: int,
    ) -> list[Settled]:
        """Keep what was saved; returns what each one is told."""
        self._shelf.keep(aggregates)
        self._shelf.position = position
        return [
            (waiting, Saved(value, position) if error is None else error)
            for waiting, (value, error) in zip(batch, outcomes, strict=True)
        ]

    def _unknown(self, batch: Sequence[Waiting]) -> list[str]:
        """Return the streams that a batch says it will look at, as far as they are not on the shelf."""
        return list(dict.fromkeys(name for waiting in batch for name in waiting.reads if name not in self._shelf))

    def _begin(self, batch: Sequence[Waiting]) -> set[str]:
        """Take the lock and bring the shelf up to date; returns the streams that are known to have no events."""
        try:
            return self._caught_up(batch, self._journal.begin)
        except psycopg.OperationalError:  # it was cut while it idled: nothing has been done on it
            self._journal.abandon()
            return self._caught_up(batch, self._journal.begin)

    def _caught_up(self, batch: Sequence[Waiting], read: Callable[..., tuple[LogTail, dict[str, Stored]]]) -> set[str]:
        news, stored = read(self._shelf.position, self._shelf.shared(), self._unknown(batch))
        self._shelf.advance(news)
        self._shelf.put(stored, self._journal.read_whole)
        absent = {stream for stream, found in stored.items() if not found.events and found.snapshot is None}
        self._lone = 0 if news.events or news.missed or len(absent) < len(stored) else self._lone + 1
        return absent

    def _load(self, stream: str) -> Aggregate | None:
        known = self._shelf.take(stream)
        if known is not None:
            return known
        return self._shelf.built(stream, self._journal.read([stream])[stream], self._journal.read_whole)


def _outcome(uow: UnitOfWork, waiting: Waiting) -> tuple[Any, BaseException | None]:
    """Answer one decision, with a value or an error; a bad one never spoils the batch."""
    try:
        return uow.attempt(waiting.decide), None
    except (PersistenceError, psycopg.Error):
        raise
    except Exception as error:  # noqa: BLE001 - its caller gets it
        return None, error


class _AcceptedError(Exception):
    """A decision went through that was only tried."""


def _refusal(uow: UnitOfWork, waiting: Waiting) -> Refusal | None:
    """Return what a decision is refused with, if it is; whatever it did is taken back."""

    def tried(uow: UnitOfWork) -> None:
        waiting.decide(uow)
        raise _AcceptedError

    try:
        uow.attempt(tried)
    except Refusal as refusal:
        return refusal
    except (PersistenceError, psycopg.Error):
        raise
    except Exception:  # noqa: BLE001 - decided anew under the lock, which tells its caller
        return None
    raise AssertionError("unreachable: what goes through raises")


def _is_cut(error: BaseException) -> bool:
    """Say whether the connection was lost, so that nothing can be stored now."""
    return isinstance(error.__cause__, OperationalError | InterfaceError | psycopg.OperationalError)


@contextlib.contextmanager
def _as_transient(*, unknown: bool) -> Iterator[None]:
    """Say of a lost or refused connection what it means: pass by, and perhaps it happened."""
    try:
        yield
    except (PersistenceError, psycopg.Error) as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}", unknown=unknown) from error
