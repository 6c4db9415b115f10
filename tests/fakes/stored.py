"""Functions on stored events: forge one, renew the hash chain, pair events with their stored bytes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar, cast

from eventsourcing.persistence import StoredEvent

from adapters.event_store.recorder import event_mapper
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.chain import GENESIS, link
from domain.invariants.per_commit import Recorded

F = TypeVar("F", bound=DomainEvent)
MAPPER = event_mapper()


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
