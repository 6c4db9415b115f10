"""The ledger on PostgreSQL: one committer thread per process saves every waiting decision in one transaction.

The library takes a table lock for each append, so that single appends serialise; a batch pays for the lock and the
fsync once. In the transaction: lock, fast-forward, decide, insert; so several processes never throw each other's
work away.
"""

import asyncio
import contextlib
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import psycopg
from eventsourcing.persistence import (
    DatetimeAsISO,
    InterfaceError,
    JSONTranscoder,
    Mapper,
    OperationalError,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL

from domain.desk import Desk
from domain.fact import Fact, Root
from domain.weather import Weather

T = TypeVar("T")
BATCH_MAX = 256
WAITING_MAX = 10_000
CACHED_MAX = 1_000
READERS_MAX = 4
CONNECT_SECONDS = 5
RECONNECT_SECONDS = 2.0
WAIT_SECONDS = 3.0
SCHEMA_LOCK = 0x426F784F  # any number that nobody else takes
Cursor = psycopg.Cursor[Any]


class Saved(NamedTuple):
    """A decision's answer and the position of the last fact; structurally the port's `Committed`."""

    value: Any
    position: int


class LedgerRecorder(PostgresApplicationRecorder):
    """The library's recorder, with its lock, read and insert usable inside one transaction of ours."""

    def lock(self, cursor: Cursor) -> None:
        """Take the lock that orders notification ids."""
        self._lock_table(cursor)

    def read_after(self, cursor: Cursor, stream: str, version: int) -> list[StoredEvent]:
        """Read a stream's facts after a version."""
        statement = self.select_events_statement + SQL(" AND originator_version > %s ORDER BY originator_version")
        cursor.execute(statement, (stream, version), prepare=True)
        return [
            StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
            for row in cursor.fetchall()
        ]

    def append(self, cursor: Cursor, events: list[StoredEvent]) -> int:
        """Insert facts under the lock and return the last notification id."""
        self._insert_stored_events(cursor, events)
        ids = self._fetch_ids_after_insert_events(cursor, events)
        return max(ids or [0])

    def last_position(self, cursor: Cursor) -> int:
        """Return the newest notification id."""
        cursor.execute(self.max_notification_id_statement)
        row = cursor.fetchone()
        return cast(int, row["max"] or 0) if row else 0


def open_recorder(url: str, pool_size: int) -> LedgerRecorder:
    """Connect the library's recorder to a database named by a URL; it makes no tables."""
    parts = conninfo_to_dict(url)
    datastore = PostgresDatastore(
        dbname=str(parts.get("dbname", "postgres")),
        host=str(parts.get("host", "127.0.0.1")),
        port=str(parts.get("port", "5432")),
        user=str(parts.get("user", "postgres")),
        password=str(parts.get("password", "")),
        originator_id_type="text",
        pool_size=pool_size,
        max_overflow=READERS_MAX,
        pre_ping=True,
    )
    # The pool's own pauses double for as long as an outage lasts, so that it would come back late by as much again.
    datastore.pool.reconnect_timeout = RECONNECT_SECONDS
    datastore.pool.timeout = WAIT_SECONDS
    return LedgerRecorder(datastore, events_table_name="facts")


@contextlib.contextmanager
def schema_lock(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold the database's one lock for changes of its schema, on a connection of its own."""
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SCHEMA_LOCK,))
        yield connection  # closing the connection gives the lock back, whatever happened


def create_facts_table(url: str, recorder: LedgerRecorder) -> None:
    """Create the event table if there is none; several processes that start at once wait for each other."""
    with schema_lock(url):
        recorder.create_table()


class Waiting(NamedTuple):
    """A decision that waits for the next batch."""

    decide: Callable[[Desk], Any]
    answer: "Future[Saved]"


class PostgresLedger:
    """Appends facts in groups; see `activities.ports.Ledger` for the contract."""

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self._recorder = open_recorder(url, pool_size=2)
        create_facts_table(url, self._recorder)
        self._clock = clock
        self.mapper = fact_mapper()
        self._closing = False
        self._cache: OrderedDict[str, Root] = OrderedDict()
        self._queue: queue.Queue[Waiting | None] = queue.Queue(maxsize=WAITING_MAX)
        self._thread = threading.Thread(target=self._serve, name="committer", daemon=True)
        self._thread.start()

    async def commit(self, decide: Callable[[Desk], T]) -> Any:
        """Decide and append with the next batch."""
        if self._closing:
            raise Weather("the ledger is closed")
        waiting = Waiting(decide, Future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Weather("the ledger has more waiting decisions than it takes; try again later") from None
        return await asyncio.wrap_future(waiting.answer)

    async def read(self, look: Callable[[Desk], T]) -> T:
        """Look at aggregates as they are stored."""
        return await asyncio.to_thread(self._read, look)

    def facts_of(self, stream: str) -> list[Fact]:
        """Return all facts of one stream, oldest first."""
        return [cast(Fact, self.mapper.to_domain_event(event)) for event in self._recorder.select_events(stream)]

    @property
    def recorder(self) -> LedgerRecorder:
        """The recorder, for readers of the notification log."""
        return self._recorder

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._closing = True
        self._queue.put(None)
        self._thread.join()
        self._recorder.datastore.close()

    def _read(self, look: Callable[[Desk], T]) -> T:
        with _as_weather(unknown=False), self._recorder.datastore.transaction() as cursor:
            return look(Desk(lambda stream: self._load(cursor, stream), self._clock()))

    def _serve(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._next_batch()
            if batch:
                self._save(batch)

    def _next_batch(self) -> tuple[list[Waiting], bool]:
        """Wait for one decision, then take all that wait besides."""
        batch: list[Waiting] = []
        item = self._queue.get()
        while item is not None:
            if item.answer.set_running_or_notify_cancel():
                batch.append(item)
            if len(batch) == BATCH_MAX:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _save(self, batch: list[Waiting]) -> None:
        try:
            settled = self._transact(batch)
        except BaseException as error:  # noqa: BLE001 - every waiter is told, whatever it was
            self._cache.clear()
            if len(batch) > 1 and not _is_cut(error):
                for waiting in batch:  # one of them cannot be stored; alone, it spoils nobody else's
                    self._save([waiting])
                return
            for waiting in batch:
                waiting.answer.set_exception(error)
            return
        for waiting, outcome in settled:
            if isinstance(outcome, Saved):
                waiting.answer.set_result(outcome)
            else:
                waiting.answer.set_exception(outcome)

    def _transact(self, batch: list[Waiting]) -> list[tuple[Waiting, Saved | BaseException]]:
        with _as_weather(unknown=True), self._recorder.datastore.transaction(commit=True) as cursor:
            self._recorder.lock(cursor)
            desk = Desk(lambda stream: self._fast_forward(cursor, stream), self._clock())
            outcomes = [_outcome(desk, waiting) for waiting in batch]
            events = [self.mapper.to_stored_event(fact) for fact in desk.collect()]
            position = self._recorder.append(cursor, events) if events else self._recorder.last_position(cursor)
        self._remember(desk.aggregates())
        return [
            (waiting, Saved(outcome.value, position) if isinstance(outcome, Saved) else outcome)
            for waiting, outcome in zip(batch, outcomes, strict=True)
        ]

    def _fast_forward(self, cursor: Cursor, stream: str) -> Root | None:
        """Take an aggregate out of the cache and apply what other processes appended since."""
        return self._load(cursor, stream, self._cache.pop(stream, None))

    def _load(self, cursor: Cursor, stream: str, known: Root | None = None) -> Root | None:
        aggregate: Any = known
        for event in self._recorder.read_after(cursor, stream, known.version if known else 0):
            aggregate = cast(Any, self.mapper.to_domain_event(event)).mutate(aggregate)
        return cast("Root | None", aggregate)

    def _remember(self, aggregates: dict[str, Root]) -> None:
        self._cache.update(aggregates)
        while len(self._cache) > CACHED_MAX:
            self._cache.popitem(last=False)


def fact_mapper() -> Mapper[str]:
    """Return the mapper between facts and their stored form."""
    transcoder = JSONTranscoder()
    transcoder.register(DatetimeAsISO())
    return Mapper(transcoder)


def _outcome(desk: Desk, waiting: Waiting) -> Saved | BaseException:
    """Answer one decision; a bad one never spoils the batch."""
    try:
        return Saved(desk.attempt(waiting.decide), 0)
    except (PersistenceError, psycopg.Error):
        raise
    except Exception as error:  # noqa: BLE001 - its caller gets it
        return error


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
