"""An event store in memory, for tests of activities and workflows.

Like the real one it decides on aggregates that it keeps between commits, and builds those of a read from the events.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from eventsourcing.persistence import StoredEvent

from activities.core.ports import Committed
from adapters.event_store.recorder import event_mapper
from domain.core.actor import present_actor
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.transient import OverloadedError, TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.per_commit import Recorded

T = TypeVar("T")


class FakeEventStore:
    """Keeps events in lists; the next `lose_answers` commits succeed and raise.

    With `queue_is_full` every commit is refused.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.streams: dict[str, list[DomainEvent]] = defaultdict(list)
        self.log: list[DomainEvent] = []
        self.lose_answers = 0
        self.refuse_connections = 0
        self.queue_is_full = False
        self.mapper = event_mapper()
        self._stored: dict[str, list[StoredEvent]] = defaultdict(list)
        self._kept: dict[str, Aggregate] = {}
        self._clock = clock

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.queue_is_full:
            raise OverloadedError("the commit queue is full")
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise TransientError("no connection")
        uow = UnitOfWork(self._take, self._clock())
        value = uow.attempt(decide, present_actor())
        taken = self.mapper.take(uow)
        if any(one.originator_version <= len(self._stored[str(one.originator_id)]) for one in taken):
            raise TransientError("these events are stored already", unknown=True)
        for one in taken:
            event = self.mapper.event_of(one)
            self._stored[event.originator_id].append(one)
            self.streams[event.originator_id].append(event)
            self.log.append(event)
        self._kept.update(uow.aggregates())
        if self.lose_answers:
            self.lose_answers -= 1
            raise TransientError("the connection broke after the commit", unknown=True)
        return Committed(value, len(self.log))

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        return UnitOfWork(self.load, self._clock()).attempt(look, present_actor())

    async def read_with_position(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise TransientError("no connection")
        return Committed(await self.read(look), len(self.log))

    def forget(self, position: int) -> None:
        """Forget what was stored after a position, as a restore from an older dump does."""
        kept = Counter(event.originator_id for event in self.log[:position])
        for stream in self.streams:
            del self.streams[stream][kept[stream] :], self._stored[stream][kept[stream] :]
        del self.log[position:]
        self._kept.clear()

    def events_of(self, stream: str) -> list[DomainEvent]:
        return list(self.streams.get(stream, []))

    def stored_of(self, stream: str) -> list[StoredEvent]:
        return list(self._stored[stream])

    def recorded(self) -> Iterator[Recorded]:
        """Yield all events as they are stored and as they are read, in the order of the log."""
        later = {stream: iter(stored) for stream, stored in self._stored.items()}
        return (Recorded(next(later[event.originator_id]), event) for event in self.log)

    def kept(self) -> dict[str, Aggregate]:
        """Return the aggregates that the next commits decide on."""
        return dict(self._kept)

    def _take(self, stream: str) -> Aggregate | None:
        """Return an aggregate to decide on; it is kept again only once its events are stored."""
        kept = self._kept.pop(stream, None)
        return self.load(stream) if kept is None else kept

    def load(self, stream: str) -> Aggregate | None:
        """Build an aggregate from its stored events; None if there are none."""
        aggregate: Aggregate | None = None
        for one in self._stored[stream]:
            aggregate = self.mapper.apply(aggregate, one)
        return aggregate
