"""The shelf: aggregates as they stand at one position of the log, kept between transactions."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, cast

from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from adapters.event_store.log import LogTail, Snapshot, Stored
from domain.core.aggregate import Aggregate

KEPT_MAX = 5_000  # the streams of about a thousand purchases under way
EVENTS_BETWEEN_SNAPSHOTS = 100
Mapped = Mapper[str]


class Shelf:
    """Whoever takes an aggregate from it changes it; it is put back only when that was saved."""

    def __init__(self, mapper: Mapped) -> None:
        self._mapper = mapper
        self._kept: OrderedDict[str, Aggregate] = OrderedDict()
        self._shared: dict[str, None] = {}
        self._snapped: dict[str, int] = {}
        self.position: int | None = None

    def __contains__(self, stream: str) -> bool:
        return stream in self._kept

    def shared(self) -> list[str]:
        """Return the streams in which decisions of all processes meet."""
        return [stream for stream in self._shared if stream in self._kept]

    def advance(self, news: LogTail) -> None:
        """Go to the log's head: apply what others appended, and drop what cannot be brought up to date."""
        if news.missed:
            self.clear()
        self.position = news.head
        for stream, version, topic, state in news.events:
            aggregate = self._kept.get(stream)
            if aggregate is None:
                continue
            if state is None or version != aggregate.version + 1:
                del self._kept[stream]
            else:
                self._apply(aggregate, StoredEvent(stream, version, topic, state))

    def put(self, stored: dict[str, Stored], whole: Callable[[str], Stored]) -> None:
        """Put up what was read; `whole` reads a stream whose snapshot does not fit its events."""
        for stream, found in stored.items():
            aggregate = self.built(stream, found, whole)
            if aggregate is not None:
                self.keep([aggregate])

    def take(self, stream: str) -> Aggregate | None:
        """Take an aggregate down, if it is there."""
        return self._kept.pop(stream, None)

    def keep(self, aggregates: Iterable[Aggregate]) -> None:
        """Put up what was saved; the least used ones give way."""
        for aggregate in aggregates:
            if not aggregate.CACHED:
                continue
            self._kept[aggregate.id] = aggregate
            if aggregate.CONTENDED:
                self._shared[aggregate.id] = None
        while len(self._kept) > KEPT_MAX:
            stream, _ = self._kept.popitem(last=False)
            self._snapped.pop(stream, None)
            self._shared.pop(stream, None)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._shared.clear()
        self._snapped.clear()
        self.position = None

    def built(self, stream: str, found: Stored, whole: Callable[[str], Stored]) -> Aggregate | None:
        """Make an aggregate of what is stored, None of nothing."""
        if found.snapshot is None:
            return self._folded(None, found.events)
        aggregate = self._reopened(found.snapshot, found.events)
        if aggregate is None:
            return self._folded(None, whole(stream).events)
        self._snapped[stream] = found.snapshot.version
        return self._folded(aggregate, found.events[1:])

    def due(self, aggregates: Iterable[Aggregate]) -> list[Snapshot]:
        """Return snapshots of what has moved far since its last one: as far as makes them cheap in the long run."""
        chosen = [aggregate for aggregate in aggregates if self._is_due(aggregate)]
        self._snapped.update((aggregate.id, aggregate.version) for aggregate in chosen)
        return [snapshot_of(aggregate) for aggregate in chosen]

    def _is_due(self, aggregate: Aggregate) -> bool:
        """Say whether an aggregate has moved so far that a snapshot is worth it."""
        if not aggregate.SNAPSHOT_VERSION:
            return False
        since = aggregate.version - self._snapped.get(aggregate.id, 0)
        return since >= EVENTS_BETWEEN_SNAPSHOTS and since >= aggregate.snapshot_cost

    def _reopened(self, snapshot: Snapshot, events: list[StoredEvent]) -> Aggregate | None:
        """Make an aggregate of a snapshot; None when its code or the events have changed since."""
        kind = cast(type[Aggregate], resolve_topic(snapshot.topic))
        if snapshot.shape != kind.SNAPSHOT_VERSION or not events or events[0].originator_version != snapshot.version:
            return None
        last: Any = self._mapper.to_domain_event(events[0])
        if last.digest != snapshot.digest:
            return None
        return kind.from_snapshot(snapshot.stream, snapshot.version, snapshot.digest, json.loads(snapshot.state))

    def _folded(self, aggregate: Aggregate | None, events: Iterable[StoredEvent]) -> Aggregate | None:
        for event in events:
            aggregate = self._apply(aggregate, event)
        return aggregate

    def _apply(self, aggregate: Aggregate | None, event: StoredEvent) -> Aggregate:
        return cast(Aggregate, cast(Any, self._mapper.to_domain_event(event)).mutate(aggregate))


def snapshot_of(aggregate: Aggregate) -> Snapshot:
    """Return an aggregate as it stands, to begin from at the next load."""
    state = json.dumps(aggregate.snapshot(), separators=(",", ":")).encode()
    return Snapshot(
        aggregate.id, get_topic(type(aggregate)), aggregate.SNAPSHOT_VERSION, aggregate.version, aggregate.digest, state
    )
