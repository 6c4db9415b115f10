"""Functions on stored events: read them, check and renew the hash chain, forge one, pair them with their bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from adapters.event_store.event_pages import EVENTS_AFTER, EventPages
from adapters.event_store.recorder import event_mapper, open_recorder
from adapters.event_store.store import PostgresEventStore
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.chain import GENESIS, digest_of, follows, link
from domain.invariants.per_commit import Recorded
from tests.fakes.event_store import FakeEventStore

F = TypeVar("F", bound=DomainEvent)
MAPPER = event_mapper()
MANY = 1_000_000


@contextmanager
def recorder_of(store: PostgresEventStore) -> Iterator[PostgresApplicationRecorder]:
    """Open the library's recorder on the database of a store."""
    recorder = open_recorder(store._log._url, pool_size=1)
    yield recorder
    recorder.datastore.close()


def stored_of(store: FakeEventStore | PostgresEventStore, stream: str) -> list[StoredEvent]:
    """Return all events of one stream as they are stored, oldest first."""
    if isinstance(store, FakeEventStore):
        return store.stored_of(stream)
    with recorder_of(store) as recorder:
        return list(recorder.select_events(stream))


def events_of(store: FakeEventStore | PostgresEventStore, stream: str) -> list[DomainEvent]:
    """Return all events of one stream, oldest first."""
    return [store.mapper.event_of(event) for event in stored_of(store, stream)]


def log_of(store: PostgresEventStore, after: int = 0) -> list[DomainEvent]:
    """Return the events after a position, as the projector reads them."""
    with recorder_of(store) as recorder:
        return [store.mapper.event_of(event) for event in recorder.select_notifications(after + 1, MANY)]


def numbered(url: str) -> list[tuple[int, DomainEvent]]:
    """Return all events of a database, each with its position before it."""
    with EventPages(url) as pages:
        return [(row[0], pages._recorded(*row).event) for row in pages._rows(EVENTS_AFTER, (0, MANY))]


def broken_link(events: Iterable[StoredEvent]) -> int | None:
    """Return the version of the first event of a stream that does not follow from the previous one, or None."""
    previous = GENESIS
    for event in events:
        if not follows(previous, event):
            return event.originator_version
        previous = digest_of(event)
    return None


def as_stored(aggregate: Aggregate) -> list[StoredEvent]:
    """Collect an aggregate's pending events in the form in which an event store keeps them."""
    return [MAPPER.linked(aggregate, event) for event in cast(list[DomainEvent], aggregate.collect_events())]


def recorded(events: Iterable[DomainEvent]) -> list[Recorded]:
    """Return events from an event store together with their stored bytes."""
    return [Recorded(MAPPER.to_stored_event(event), event) for event in events]


def forged(event: F, **values: Any) -> F:
    """Change values of an event and keep its digest."""
    made = object.__new__(type(event))
    vars(made).update({**vars(event), **values})
    return made


def rechained(events: Iterable[DomainEvent]) -> list[DomainEvent]:
    """Number events and compute their digests again, as if they had been stored like this."""
    ends: dict[str, tuple[int, str]] = {}
    made = []
    for event in events:
        version, digest = ends.get(event.originator_id, (0, GENESIS))
        numbered = replace(cast(Any, event), originator_version=version + 1)  # drops the digest, which is no field
        stored, digest = link(digest, MAPPER.to_stored_event(numbered))
        ends[event.originator_id] = (version + 1, digest)
        made.append(MAPPER.event_of(stored))
    return made
