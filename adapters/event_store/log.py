"""The event log on one connection: appends a whole batch under the lock, in two round trips.

The first sends BEGIN, LOCK and the reads; the second sends the inserts, the snapshots and COMMIT.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.types.numeric import Int8

from adapters.postgres.connections import BoundedConnection, Waits, connect

TAIL_MAX = 5_000
OPTIONS = (
    "-c idle_in_transaction_session_timeout=5000"  # a process that hangs loses the lock
    " -c enable_seqscan=off -c jit=off"  # every query looks up keys
)
LOCK = "LOCK TABLE events IN EXCLUSIVE MODE"  # the library's: it orders notification ids
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
TAIL = (
    "SELECT notification_id, originator_id, originator_version, topic,"
    " CASE WHEN originator_id = ANY(%b) THEN state END"
    " FROM events WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
SNAPSHOTS = "SELECT stream, topic, shape, version, digest, state FROM snapshots WHERE stream = ANY(%b)"
# Each stream from its snapshot on. The lateral join keeps the planner from reading a stream from its beginning.
EVENTS = (
    "SELECT since.* FROM unnest(%b) AS wanted (stream) LEFT JOIN snapshots USING (stream) CROSS JOIN LATERAL ("
    "SELECT originator_id, originator_version, events.topic, events.state FROM events"
    " WHERE originator_id = stream AND originator_version >= coalesce(version, 0) ORDER BY originator_version) AS since"
)
WHOLE_STREAM = (
    "SELECT originator_id, originator_version, topic, state FROM events WHERE originator_id = %s"
    " ORDER BY originator_version"
)
INSERT = (
    "WITH kept AS (INSERT INTO events (originator_id, originator_version, topic, state)"
    " SELECT * FROM unnest(%b, %b, %b, %b) RETURNING notification_id) SELECT max(notification_id) FROM kept"
)
APPEND_IF_HEAD = "SELECT append_if_head(%b, %b, %b, %b, %b, %b)"
SAVE_SNAPSHOT = (
    "INSERT INTO snapshots (stream, topic, shape, version, digest, state) VALUES (%s, %s, %s, %s, %s, %b)"
    " ON CONFLICT (stream) DO UPDATE SET topic = EXCLUDED.topic, shape = EXCLUDED.shape,"
    " version = EXCLUDED.version, digest = EXCLUDED.digest, state = EXCLUDED.state"
)
Cursor = psycopg.Cursor[tuple[Any, ...]]


class Snapshot(NamedTuple):
    """An aggregate's state after the event of this version and digest."""

    stream: str
    topic: str
    shape: int
    version: int
    digest: str
    state: bytes


class StoredStream(NamedTuple):
    """A stream as it is stored: perhaps a snapshot, and the events from its version on."""

    snapshot: Snapshot | None
    events: list[StoredEvent]


class LogTail(NamedTuple):
    """The events after a position, and the log's head.

    The state is None for streams that were not requested. `truncated` says that there are more events than these.
    """

    head: int
    events: list[tuple[str, int, str, bytes | None]]
    truncated: bool


class EventLog:
    """Reads and appends on one connection; close it after any error, and the next call opens another."""

    def __init__(self, url: str, waits: Waits) -> None:
        self._url = url
        self._waits = waits
        self._connection: BoundedConnection | None = None

    def lock_and_read(
        self, position: int | None, shared: Sequence[str], wanted: Sequence[str]
    ) -> tuple[LogTail, dict[str, StoredStream]]:
        """Begin a transaction and take the lock; return the tail after a position, and the wanted streams.

        The tail has the states of the `shared` streams only.
        """
        connection = self._open()
        with connection.pipeline():
            connection.execute("BEGIN")
            connection.execute(LOCK, prepare=True)
            tail = _query_tail(connection, position, shared)
            found = _query_streams(connection, wanted)
        return _tail(tail, position), _by_stream(wanted, found)

    def read_without_lock(
        self, position: int | None, shared: Sequence[str], wanted: Sequence[str]
    ) -> tuple[LogTail, dict[str, StoredStream]]:
        """Return the same as `lock_and_read` from one database snapshot, without the lock, in one round trip.

        The snapshot has no gaps: positions are assigned under the lock.
        """
        connection = self._open()
        with connection.pipeline():
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            tail = _query_tail(connection, position, shared)
            found = _query_streams(connection, wanted)
            connection.execute("COMMIT")
        return _tail(tail, position), _by_stream(wanted, found)

    def head(self) -> int:
        """Return the newest position."""
        found: int = self._open().execute(HEAD, prepare=True).fetchall()[0][0]
        return found

    def read(self, streams: Sequence[str]) -> dict[str, StoredStream]:
        """Return stored streams in one round trip; after `lock_and_read`, within its transaction."""
        connection = self._open()
        with connection.pipeline():
            found = _query_streams(connection, streams)
        return _by_stream(streams, found)

    def read_whole(self, stream: str) -> StoredStream:
        """Return a stream from its beginning, without its snapshot."""
        rows = self._open().execute(WHOLE_STREAM, (stream,), prepare=True).fetchall()
        return StoredStream(None, [StoredEvent(*row) for row in rows])

    def append_and_commit(self, events: Sequence[StoredEvent], snapshots: Sequence[Snapshot]) -> int | None:
        """Append, save the snapshots and commit; return the last event's position, None when there are no events."""
        connection = self._open()
        if not events:
            connection.execute("COMMIT")
            return None
        with connection.pipeline():
            inserted = connection.execute(INSERT, _columns(events), prepare=True)
            for snapshot in snapshots:
                connection.execute(SAVE_SNAPSHOT, snapshot, prepare=True)
            connection.execute("COMMIT")
        last: int = inserted.fetchall()[0][0]
        return last

    def append_if_head(self, position: int, absent: Sequence[str], events: Sequence[StoredEvent]) -> int | None:
        """Append in one statement if `position` is the head and the `absent` streams are empty; return the new head.

        Return None, and append nothing, otherwise. Both conditions are checked under the lock.
        """
        parameters = (*_columns(events), position, list(absent))
        head: int | None = self._open().execute(APPEND_IF_HEAD, parameters, prepare=True).fetchall()[0][0]
        return head

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Save snapshots of events that are stored already."""
        with self._open().pipeline():
            for snapshot in snapshots:
                self._open().execute(SAVE_SNAPSHOT, snapshot, prepare=True)

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back, unless its COMMIT had arrived."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> BoundedConnection:
        if self._connection is None:
            self._connection = connect(self._url, self._waits, OPTIONS)
        return self._connection


def _columns(events: Sequence[StoredEvent]) -> tuple[list[str], list[Int8], list[str], list[bytes]]:
    """Return events as the columns of the event table; versions always as bigint, so that one prepared plan serves."""
    return (
        [str(event.originator_id) for event in events],
        [Int8(event.originator_version) for event in events],
        [event.topic for event in events],
        [event.state for event in events],
    )


def _query_tail(connection: BoundedConnection, position: int | None, shared: Sequence[str]) -> Cursor:
    """Send the query for the tail, within a pipeline; without a position only the head is read."""
    if position is None:
        return connection.execute(HEAD, prepare=True)
    return connection.execute(TAIL, (list(shared), position, TAIL_MAX), prepare=True)


def _tail(cursor: Cursor, position: int | None) -> LogTail:
    rows = cursor.fetchall()
    if position is None:
        return LogTail(rows[0][0], [], truncated=True)
    return LogTail(rows[-1][0] if rows else position, [row[1:] for row in rows], truncated=len(rows) == TAIL_MAX)


def _query_streams(connection: BoundedConnection, wanted: Sequence[str]) -> list[Cursor]:
    """Send the queries for streams, within a pipeline; none when there are no streams."""
    queries = (SNAPSHOTS, EVENTS) if wanted else ()
    return [connection.execute(query, (list(wanted),), prepare=True) for query in queries]


def _by_stream(wanted: Sequence[str], found: Sequence[Cursor]) -> dict[str, StoredStream]:
    stored = {stream: StoredStream(None, []) for stream in wanted}
    if not found:
        return stored
    snapshots, events = found
    for row in snapshots.fetchall():
        stored[row[0]] = StoredStream(Snapshot(*row), [])
    for row in events.fetchall():
        stored[row[0]].events.append(StoredEvent(*row))
    return stored
