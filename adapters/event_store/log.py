"""The journal: one connection that appends under the lock, with two round trips for a whole batch.

Begin, lock, and what is new are asked for at once; insert, snapshots and commit are sent at once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row

from adapters.event_store.binary_arrays import BinaryArray, BinaryArrayDumper, bigints, blobs, texts
from adapters.event_store.recorder import CONNECT_SECONDS

NEWS_MAX = 5_000
OPTIONS = (
    "-c idle_in_transaction_session_timeout=5000"  # a process that stands still lets the lock go
    " -c lock_timeout=10000 -c enable_seqscan=off -c jit=off"  # only keys are looked up here
)
LOCK = "LOCK TABLE events IN EXCLUSIVE MODE"  # the library's: it orders notification ids
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
NEWS = (
    "SELECT notification_id, originator_id, originator_version, topic,"
    " CASE WHEN originator_id = ANY(%b) THEN state END"
    " FROM events WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
SNAPSHOTS = "SELECT stream, topic, shape, version, digest, state FROM snapshots WHERE stream = ANY(%b)"
# Each stream from its snapshot on; written the other way round, it would be read from its beginning.
EVENTS = (
    "SELECT since.* FROM unnest(%b) AS wanted (stream) LEFT JOIN snapshots USING (stream) CROSS JOIN LATERAL ("
    "SELECT originator_id, originator_version, events.topic, events.state FROM events"
    " WHERE originator_id = stream AND originator_version >= coalesce(version, 0) ORDER BY originator_version) AS since"
)
ALL_EVENTS = (
    "SELECT originator_id, originator_version, topic, state FROM events WHERE originator_id = %s"
    " ORDER BY originator_version"
)
INSERT = (
    "WITH kept AS (INSERT INTO events (originator_id, originator_version, topic, state)"
    " SELECT * FROM unnest(%b, %b, %b, %b) RETURNING notification_id) SELECT max(notification_id) FROM kept"
)
APPEND_IF = "SELECT append_if(%b, %b, %b, %b, %b, %b)"
KEEP_SNAPSHOT = (
    "INSERT INTO snapshots (stream, topic, shape, version, digest, state) VALUES (%s, %s, %s, %s, %s, %b)"
    " ON CONFLICT (stream) DO UPDATE SET topic = EXCLUDED.topic, shape = EXCLUDED.shape,"
    " version = EXCLUDED.version, digest = EXCLUDED.digest, state = EXCLUDED.state"
)
Connection = psycopg.Connection[tuple[Any, ...]]


class Snapshot(NamedTuple):
    """An aggregate as the event of this version and digest left it."""

    stream: str
    topic: str
    shape: int
    version: int
    digest: str
    state: bytes


class Stored(NamedTuple):
    """What is stored of one stream: perhaps a snapshot, and the events from its version on."""

    snapshot: Snapshot | None
    events: list[StoredEvent]


class LogTail(NamedTuple):
    """What other processes appended since a position; `head` is the newest one.

    Of streams that were not asked for the state is None. With `missed` there was more than is told.
    """

    head: int
    events: list[tuple[str, int, str, bytes | None]]
    missed: bool


class Journal:
    """Begins, reads and finishes one transaction after another; whatever fails closes the connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def begin(
        self, position: int | None, hot: Sequence[str], wanted: Sequence[str]
    ) -> tuple[LogTail, dict[str, Stored]]:
        """Take the lock; return the news after a position, and what is stored of the wanted streams."""
        connection = self._open()
        with connection.pipeline():
            connection.execute("BEGIN")
            connection.execute(LOCK, prepare=True)
            if position is None:
                news = connection.execute(HEAD, prepare=True)
            else:
                news = connection.execute(NEWS, (texts(hot), position, NEWS_MAX), prepare=True)
            found = _asked(connection, wanted)
        stored = _by_stream(wanted, found)
        if position is None:
            return LogTail(news.fetchall()[0][0], [], missed=True), stored
        return _news(news.fetchall(), position), stored

    def look(self, position: int, hot: Sequence[str], wanted: Sequence[str]) -> tuple[LogTail, dict[str, Stored]]:
        """Return the same as `begin`, of one moment and without the lock, in one round trip.

        The events of a moment are all that were numbered up to some head: numbers are given under the lock.
        """
        connection = self._open()
        with connection.pipeline():
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            news = connection.execute(NEWS, (texts(hot), position, NEWS_MAX), prepare=True)
            found = _asked(connection, wanted)
            connection.execute("COMMIT")
        return _news(news.fetchall(), position), _by_stream(wanted, found)

    def head(self) -> int:
        """Return the newest position."""
        found: int = self._open().execute(HEAD, prepare=True).fetchall()[0][0]
        return found

    def read(self, streams: Sequence[str]) -> dict[str, Stored]:
        """Return what is stored of streams, in one round trip; within a transaction that has begun, under its lock."""
        connection = self._open()
        with connection.pipeline():
            found = _asked(connection, streams)
        return _by_stream(streams, found)

    def read_whole(self, stream: str) -> Stored:
        """Return a stream without its snapshot."""
        rows = self._open().execute(ALL_EVENTS, (stream,), prepare=True).fetchall()
        return Stored(None, [StoredEvent(*row) for row in rows])

    def finish(self, events: Sequence[StoredEvent], snapshots: Sequence[Snapshot]) -> int | None:
        """Insert, keep the snapshots and commit; returns the last position, or None when there was nothing."""
        connection = self._open()
        if not events:
            connection.execute("COMMIT")
            return None
        with connection.pipeline():
            inserted = connection.execute(INSERT, _columns(events), prepare=True)
            for snapshot in snapshots:
                connection.execute(KEEP_SNAPSHOT, snapshot, prepare=True)
            connection.execute("COMMIT")
        last: int = inserted.fetchall()[0][0]
        return last

    def append_if(self, position: int, absent: Sequence[str], events: Sequence[StoredEvent]) -> int | None:
        """Append in one statement, if `position` is the head and the streams have no events; returns the new head.

        None when it is not so: then nothing was appended. Both are looked at under the lock.
        """
        given = (*_columns(events), position, texts(absent))
        head: int | None = self._open().execute(APPEND_IF, given, prepare=True).fetchall()[0][0]
        return head

    def keep(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep snapshots of what is stored already."""
        with self._open().pipeline():
            for snapshot in snapshots:
                self._open().execute(KEEP_SNAPSHOT, snapshot, prepare=True)

    def abandon(self) -> None:
        """Close the connection: what was begun on it is not done, unless its commit had arrived."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=OPTIONS, row_factory=tuple_row
            )
            self._connection.adapters.register_dumper(BinaryArray, BinaryArrayDumper)
        return self._connection


def _columns(events: Sequence[StoredEvent]) -> tuple[BinaryArray, ...]:
    """Return events as the columns of the event table."""
    return (
        texts([str(event.originator_id) for event in events]),
        bigints([event.originator_version for event in events]),
        texts([event.topic for event in events]),
        blobs([event.state for event in events]),
    )


def _news(rows: list[Any], position: int) -> LogTail:
    return LogTail(rows[-1][0] if rows else position, [row[1:] for row in rows], missed=len(rows) == NEWS_MAX)


def _asked(connection: Connection, wanted: Sequence[str]) -> list[psycopg.Cursor[tuple[Any, ...]]]:
    """Ask for what is stored of streams, within a pipeline; of none there is nothing to ask."""
    queries = (SNAPSHOTS, EVENTS) if wanted else ()
    return [connection.execute(query, (texts(wanted),), prepare=True) for query in queries]


def _by_stream(wanted: Sequence[str], found: Sequence[psycopg.Cursor[tuple[Any, ...]]]) -> dict[str, Stored]:
    stored = {stream: Stored(None, []) for stream in wanted}
    if not found:
        return stored
    snapshots, events = found
    for row in snapshots.fetchall():
        stored[row[0]] = Stored(Snapshot(*row), [])
    for row in events.fetchall():
        stored[row[0]].events.append(StoredEvent(*row))
    return stored
