"""The event table: the library's recorder, the lock for changes of the schema, and the encoding of events."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, cast

import orjson
import psycopg
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.rows import dict_row

from adapters.postgres.connections import BACKGROUND, RECONNECT_SECONDS, SCHEMA, BoundedConnection, connect, conninfo_of
from adapters.postgres.faults import ConfigurationError
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.chain import link
from domain.core.topics import import_all
from domain.core.unit_of_work import UnitOfWork

READERS_MAX = 4
WAIT_SECONDS = 3.0
LOCK_POLL_SECONDS = 0.05
SCHEMA_LOCK = 0x426F784F  # any number, but the same in every process


def open_recorder(url: str, pool_size: int) -> PostgresApplicationRecorder:
    """Connect the library's recorder to a database by its URL, in the first schema of its search path; create nothing.

    Raise ConfigurationError where there is no such schema.
    """
    with connect(url, BACKGROUND) as connection:
        ((schema,),) = connection.execute("SELECT current_schema()").fetchall()
    if schema is None:
        raise ConfigurationError("no schema of the search_path in BOXOFFICE_POSTGRES__URL exists: create it")
    datastore = PostgresDatastore(
        *("",) * 5,
        originator_id_type="text",
        schema=schema,
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
        # A statement that waits for the lock would be waited for by an index that is made concurrently.
        while not connection.execute("SELECT pg_try_advisory_lock(%s)", (SCHEMA_LOCK,)).fetchall()[0][0]:
            time.sleep(LOCK_POLL_SECONDS)
        yield connection  # closing the connection releases the lock in every case


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
