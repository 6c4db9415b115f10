"""The event table: the library's recorder, the tables and the function it needs, and the encoding of events."""

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import orjson
import psycopg
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.rows import dict_row

from adapters.postgres.connections import BACKGROUND, RECONNECT_SECONDS, SCHEMA, BoundedConnection, connect, conninfo_of
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.chain import link
from domain.core.topics import import_all
from domain.core.unit_of_work import UnitOfWork

READERS_MAX = 4
WAIT_SECONDS = 3.0
SCHEMA_LOCK = 0x426F784F  # any number, but the same in every process
SNAPSHOTS = (
    "CREATE TABLE IF NOT EXISTS snapshots (stream text PRIMARY KEY, topic text NOT NULL, shape int NOT NULL,"
    " version bigint NOT NULL, digest text NOT NULL, state bytea NOT NULL)"
)
# READ COMMITTED: the INSERT sees everything committed before it began, so it checks the conditions under the lock.
APPEND_IF_HEAD = """
CREATE OR REPLACE FUNCTION append_if_head(
    streams text[], versions bigint[], topics text[], states bytea[], head bigint, absent text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    appended bigint;
BEGIN
    LOCK TABLE events IN EXCLUSIVE MODE;
    WITH kept AS (
        INSERT INTO events (originator_id, originator_version, topic, state)
        SELECT * FROM unnest(streams, versions, topics, states)
        WHERE (SELECT coalesce(max(notification_id), 0) FROM events) = head
        AND NOT EXISTS (SELECT FROM events WHERE originator_id = ANY(absent))
        RETURNING notification_id
    )
    SELECT max(notification_id) INTO appended FROM kept;
    RETURN appended;
END $$
"""


def open_recorder(url: str, pool_size: int) -> PostgresApplicationRecorder:
    """Connect the library's recorder to a database by its URL; create no tables."""
    datastore = PostgresDatastore(
        *("",) * 5,
        originator_id_type="text",
        pool_size=pool_size,
        max_overflow=READERS_MAX,
        pre_ping=True,
    )
    # The datastore takes five parts of an address and drops the others, such as `sslmode`; its pool takes all of them.
    datastore.pool.conninfo = conninfo_of(url, BACKGROUND.options)
    datastore.pool.connection_class = BoundedConnection
    datastore.pool.kwargs = {"row_factory": dict_row}
    # The pool's default pauses double throughout an outage: it would reconnect late by as long as the outage was.
    datastore.pool.reconnect_timeout = RECONNECT_SECONDS
    datastore.pool.timeout = WAIT_SECONDS
    return PostgresApplicationRecorder(datastore, events_table_name="events")


@contextlib.contextmanager
def schema_lock(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold the database's lock for schema changes, on a connection of its own."""
    with connect(url, SCHEMA) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SCHEMA_LOCK,))
        yield connection  # closing the connection releases the lock in every case


def create_event_tables(url: str, recorder: PostgresApplicationRecorder) -> None:
    """Create the tables of events and snapshots, and the append function; concurrent starts wait for each other."""
    with schema_lock(url) as connection:
        recorder.create_table()
        connection.execute(SNAPSHOTS)
        connection.execute(APPEND_IF_HEAD)


class OrjsonTranscoder(JSONTranscoder):
    """The library's transcoder with a faster encoder; the JSON is the same."""

    def encode(self, obj: Any) -> bytes:
        """Encode an object; numbers beyond 64 bits by the library's own encoder."""
        try:
            return orjson.dumps(obj, default=self._encode_obj, option=orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:
            return super().encode(obj)


class EventMapper(Mapper[str]):
    """The library's mapper, with a hash chain: each stored event is linked to the one before it in its stream."""

    def take(self, uow: UnitOfWork) -> list[StoredEvent]:
        """Take the events of a unit of work as they are to be stored, each linked to the one before it in its stream.

        The aggregates' digests advance too, so an aggregate whose events are then not stored must be dropped.
        """
        aggregates = uow.aggregates()
        return [self.linked(aggregates[event.originator_id], event) for event in uow.collect()]

    def linked(self, aggregate: Aggregate, event: DomainEvent) -> StoredEvent:
        """Return the next event of an aggregate as it is to be stored."""
        stored, aggregate.digest = link(aggregate.digest, self.to_stored_event(event))
        return stored

    def event_of(self, stored: StoredEvent) -> DomainEvent:
        """Return a stored event, upcast to its newest version."""
        return cast(DomainEvent, self.to_domain_event(stored))

    def apply(self, aggregate: Aggregate | None, stored: StoredEvent) -> Aggregate:
        """Return an aggregate (None: before its first event) with one more stored event applied."""
        event = self.event_of(stored)
        applied = cast(Aggregate, event.mutate(aggregate))
        applied.digest = event.digest
        return applied


def event_mapper() -> EventMapper:
    """Return the mapper between events and their stored form."""
    import_all()
    transcoder = OrjsonTranscoder()
    transcoder.register(DatetimeAsISO())
    return EventMapper(transcoder)
