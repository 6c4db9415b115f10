"""The ledger on PostgreSQL: one committer thread per process saves every waiting decision in one transaction.

A single append takes a table lock and an fsync, so that single appends serialise; a batch pays for both once. In the
transaction: lock, fast-forward, decide, insert; so several processes never throw each other's work away.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError
from eventsourcing.postgres import PostgresApplicationRecorder

from adapters.journal import Journal, News, Stored, read_stored
from adapters.recorder import create_facts_table, fact_mapper, open_recorder
from adapters.shelf import Shelf
from adapters.waiting import Settled, Waiting, WaitingLine, tell
from domain.desk import Desk
from domain.fact import Fact, Root
from domain.refusals import Refusal
from domain.weather import Weather

T = TypeVar("T")
BATCH_MAX = 256
WAITING_MAX = 2_000
PATIENCE_SECONDS = 4.0


class Saved(NamedTuple):
    """A decision's answer and the position of the last fact; structurally the port's `Committed`."""

    value: Any
    position: int


class PostgresLedger:
    """Appends facts in groups; see `activities.ports.Ledger` for the contract.

    At most `waiting_max` decisions wait, each for `patience_seconds` at most; who cannot be served gets `Busy`.
    `gathers` is for callers who come by sockets, see `adapters.waiting`.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], datetime],
        waiting_max: int = WAITING_MAX,
        patience_seconds: float = PATIENCE_SECONDS,
        *,
        gathers: bool = False,
    ) -> None:
        self._recorder = open_recorder(url, pool_size=2)
        create_facts_table(url, self._recorder)
        self._clock = clock
        self.mapper = fact_mapper()
        self._journal = Journal(url)
        self._shelf = Shelf(self.mapper)
        self._line = WaitingLine(waiting_max, patience_seconds, gathers=gathers)
        self._refuses = False  # whether the last batch had nothing but refusals
        self._thread = threading.Thread(target=self._serve, name="committer", daemon=True)
        self._thread.start()

    async def commit(self, decide: Callable[[Desk], T], reads: Iterable[str] = ()) -> Any:
        """Decide and append with the next batch."""
        return await self._line.stand(decide, reads)

    async def read(self, look: Callable[[Desk], T]) -> T:
        """Look at aggregates as they are stored."""
        return await asyncio.to_thread(self._read, look)

    def facts_of(self, stream: str) -> list[Fact]:
        """Return all facts of one stream, oldest first."""
        return [cast(Fact, self.mapper.to_domain_event(event)) for event in self._recorder.select_events(stream)]

    @property
    def recorder(self) -> PostgresApplicationRecorder:
        """The recorder, for readers of the notification log."""
        return self._recorder

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._line.close()
        self._thread.join()
        self._journal.abandon()
        self._recorder.datastore.close()

    def _read(self, look: Callable[[Desk], T]) -> T:
        with _as_weather(unknown=False), self._recorder.datastore.transaction() as cursor:
            connection: Any = cursor.connection

            def load(stream: str) -> Root | None:
                read = Shelf(self.mapper).built
                return read(
                    stream, read_stored(connection, stream), lambda stream: read_stored(connection, stream, whole=True)
                )

            return look(Desk(load, self._clock()))

    def _serve(self) -> None:
        while not self._line.is_over:
            batch = self._line.take(BATCH_MAX)
            if self._refuses and self._shelf.position is not None:
                batch = self._without_refused(batch)
            if batch:
                settled = self._settled(batch)
                self._refuses = all(isinstance(outcome, Refusal) for _, outcome in settled)
                tell(settled)

    def _without_refused(self, batch: Sequence[Waiting]) -> list[Waiting]:
        """Tell whoever is refused by what is stored now; returns the others, who may change something.

        A refusal changes nothing and needs no lock: when a show is sold out, thousands who are told so do not wait for
        those who bought, whose steps take the lock in turn.
        """
        told: list[Settled] = []
        left: list[Waiting] = []
        try:
            with _as_weather(unknown=False):
                absent = self._caught_up(batch, self._journal.look)
                desk = Desk(lambda stream: None if stream in absent else self._load(stream), self._clock())
                for waiting in batch:
                    refusal = _refusal(desk, waiting)
                    if refusal is None:
                        left.append(waiting)
                    else:
                        told.append((waiting, refusal))
                self._shelf.keep(desk.aggregates().values())
        except Exception:  # noqa: BLE001 - whatever it was comes again under the lock, and there its callers are told
            self._shelf.clear()
            self._journal.abandon()
            return list(batch)
        tell(told)
        return left

    def _settled(self, batch: Sequence[Waiting]) -> list[Settled]:
        """Save a batch; when one of its decisions cannot be stored, each is saved alone and spoils nobody else's."""
        try:
            return self._transact(batch)
        except BaseException as error:  # noqa: BLE001 - every waiter is told, whatever it was
            self._shelf.clear()
            self._journal.abandon()
            if len(batch) == 1 or _is_cut(error):
                return [(waiting, error) for waiting in batch]
            return [settled for waiting in batch for settled in self._settled([waiting])]

    def _transact(self, batch: Sequence[Waiting]) -> list[Settled]:
        with _as_weather(unknown=True):
            absent = self._begin(batch)
            desk = Desk(lambda stream: None if stream in absent else self._load(stream), self._clock())
            outcomes = [_outcome(desk, waiting) for waiting in batch]
            facts = desk.collect()
            aggregates = list(desk.aggregates().values())
            events = [self.mapper.to_stored_event(fact) for fact in facts]
            last = self._journal.finish(events, self._shelf.due(aggregates) if events else ())
        self._shelf.keep(aggregates)
        self._shelf.position = position = last or self._shelf.position
        return [
            (waiting, Saved(outcome.value, position or 0) if isinstance(outcome, Saved) else outcome)
            for waiting, outcome in zip(batch, outcomes, strict=True)
        ]

    def _begin(self, batch: Sequence[Waiting]) -> set[str]:
        """Take the lock and bring the shelf up to date; returns the streams that are known to have no facts."""
        try:
            return self._caught_up(batch, self._journal.begin)
        except psycopg.OperationalError:  # it was cut while it idled: nothing has been done on it
            self._journal.abandon()
            return self._caught_up(batch, self._journal.begin)

    def _caught_up(self, batch: Sequence[Waiting], read: Callable[..., tuple[News, dict[str, Stored]]]) -> set[str]:
        wanted = list(dict.fromkeys(name for waiting in batch for name in waiting.reads if name not in self._shelf))
        news, stored = read(self._shelf.position, self._shelf.shared(), wanted)
        self._shelf.advance(news)
        self._shelf.put(stored, lambda stream: self._journal.read(stream, whole=True))
        return {stream for stream, found in stored.items() if not found.facts and found.snapshot is None}

    def _load(self, stream: str) -> Root | None:
        known = self._shelf.take(stream)
        if known is not None:
            return known
        found = self._journal.read(stream)
        return self._shelf.built(stream, found, lambda stream: self._journal.read(stream, whole=True))


def _outcome(desk: Desk, waiting: Waiting) -> Saved | BaseException:
    """Answer one decision; a bad one never spoils the batch."""
    try:
        return Saved(desk.attempt(waiting.decide), 0)
    except (PersistenceError, psycopg.Error):
        raise
    except Exception as error:  # noqa: BLE001 - its caller gets it
        return error


class _AcceptedError(Exception):
    """A decision went through that was only tried."""


def _refusal(desk: Desk, waiting: Waiting) -> Refusal | None:
    """Return what a decision is refused with, if it is; whatever it did is taken back."""

    def tried(desk: Desk) -> None:
        waiting.decide(desk)
        raise _AcceptedError

    try:
        desk.attempt(tried)
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
def _as_weather(*, unknown: bool) -> Iterator[None]:
    """Say of a lost or refused connection what it means: pass by, and perhaps it happened."""
    try:
        yield
    except (PersistenceError, psycopg.Error) as error:
        raise Weather(f"PostgreSQL: {type(error).__name__}", unknown=unknown) from error
