"""The aggregate cache: aggregates at one position of the log, kept between transactions, and their snapshots."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import cast

from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from adapters.event_store.log import LogTail, Snapshot, StoredStream
from adapters.event_store.recorder import EventMapper
from domain.core.aggregate import Aggregate
from domain.core.chain import digest_of

CACHED_MAX = 5_000  # the streams of about a thousand purchases under way
EVENTS_BETWEEN_SNAPSHOTS = 100


class AggregateCache:
    """Aggregates by stream. A caller that changes an aggregate pops it, and stores it again only once it is saved."""

    def __init__(self, mapper: EventMapper) -> None:
        self._mapper = mapper
        self._cached: OrderedDict[str, Aggregate] = OrderedDict()
        self._shared: dict[str, None] = {}
        self._snapshot_versions: dict[str, int] = {}
        self.position: int | None = None

    def __contains__(self, stream: str) -> bool:
        return stream in self._cached

    def shared_streams(self) -> list[str]:
        """Return the cached streams on which several processes decide."""
        return [stream for stream in self._shared if stream in self._cached]

    def advance(self, tail: LogTail) -> None:
        """Move to the log's head: apply the events of others, and drop aggregates that cannot be updated."""
        if tail.truncated:
            self.clear()
        self.position = tail.head
        for stream, version, topic, state in tail.events:
            aggregate = self._cached.get(stream)
            if aggregate is None:
                continue
            if state is None or version != aggregate.version + 1:
                del self._cached[stream]
            else:
                self._mapper.apply(aggregate, StoredEvent(stream, version, topic, state))

    def load(self, stored: dict[str, StoredStream], read_whole: Callable[[str], StoredStream]) -> None:
        """Build aggregates from stored streams and cache them."""
        for stream, found in stored.items():
            aggregate = self.build(stream, found, read_whole)
            if aggregate is not None:
                self.store([aggregate])

    def pop(self, stream: str) -> Aggregate | None:
        """Remove and return an aggregate; None when it is not cached."""
        return self._cached.pop(stream, None)

    def store(self, aggregates: Iterable[Aggregate]) -> None:
        """Cache aggregates as they are saved; evict the least recently used."""
        for aggregate in aggregates:
            if not aggregate.CACHED:
                continue
            self._cached[aggregate.id] = aggregate
            if aggregate.CONTENDED:
                self._shared[aggregate.id] = None
        while len(self._cached) > CACHED_MAX:
            stream, _ = self._cached.popitem(last=False)
            self._snapshot_versions.pop(stream, None)
            self._shared.pop(stream, None)

    def clear(self) -> None:
        """Drop everything."""
        self._cached.clear()
        self._shared.clear()
        self._snapshot_versions.clear()
        self.position = None

    def build(self, stream: str, found: StoredStream, read_whole: Callable[[str], StoredStream]) -> Aggregate | None:
        """Build an aggregate from its stored stream, None from an empty one.

        `read_whole` reads a stream from its beginning; used when the snapshot does not fit the code or the events.
        """
        if found.snapshot is None:
            return self._replay(None, found.events)
        aggregate = self._restore(found.snapshot, found.events)
        if aggregate is None:
            return self._replay(None, read_whole(stream).events)
        self._snapshot_versions[stream] = found.snapshot.version
        return self._replay(aggregate, found.events[1:])

    def due_snapshots(self, aggregates: Iterable[Aggregate]) -> list[Snapshot]:
        """Return snapshots of aggregates with enough new events since their last snapshot."""
        chosen = [aggregate for aggregate in aggregates if self._is_due(aggregate)]
        self._snapshot_versions.update((aggregate.id, aggregate.version) for aggregate in chosen)
        return [snapshot_of(aggregate) for aggregate in chosen]

    def _is_due(self, aggregate: Aggregate) -> bool:
        if not aggregate.SNAPSHOT_VERSION:
            return False
        new_events = aggregate.version - self._snapshot_versions.get(aggregate.id, 0)
        return new_events >= EVENTS_BETWEEN_SNAPSHOTS and new_events >= aggregate.snapshot_cost

    def _restore(self, snapshot: Snapshot, events: list[StoredEvent]) -> Aggregate | None:
        """Restore an aggregate from a snapshot; None when its code or its events have changed since."""
        kind = cast(type[Aggregate], resolve_topic(snapshot.topic))
        if snapshot.shape != kind.SNAPSHOT_VERSION or not events or events[0].originator_version != snapshot.version:
            return None
        if digest_of(events[0]) != snapshot.digest:
            return None
        return kind.from_snapshot(snapshot.stream, snapshot.version, snapshot.digest, json.loads(snapshot.state))

    def _replay(self, aggregate: Aggregate | None, events: Iterable[StoredEvent]) -> Aggregate | None:
        for event in events:
            aggregate = self._mapper.apply(aggregate, event)
        return aggregate


def snapshot_of(aggregate: Aggregate) -> Snapshot:
    """Return a snapshot of an aggregate's present state."""
    state = json.dumps(aggregate.snapshot(), separators=(",", ":")).encode()
    return Snapshot(
        aggregate.id, get_topic(type(aggregate)), aggregate.SNAPSHOT_VERSION, aggregate.version, aggregate.digest, state
    )
