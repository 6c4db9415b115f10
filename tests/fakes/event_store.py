"""An event store in memory, for tests of activities and workflows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from eventsourcing.persistence import StoredEvent

from activities.core.ports import Committed
from adapters.event_store.recorder import event_mapper
from domain.core.actor import present_actor
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.transient import OverloadedError, TransientError
from domain.core.unit_of_work import UnitOfWork

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
        self._clock = clock

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.queue_is_full:
            raise OverloadedError("the commit queue is full")
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise TransientError("no connection")
        uow = UnitOfWork(self._load, self._clock())
        value = uow.attempt(decide, present_actor())
        taken = self.mapper.take(uow)
        if any(one.originator_version <= len(self._stored[str(one.originator_id)]) for one in taken):
            raise TransientError("these events are stored already", unknown=True)
        for one in taken:
            event = self.mapper.event_of(one)
            self._stored[event.originator_id].append(one)
            self.streams[event.originator_id].append(event)
            self.log.append(event)
        if self.lose_answers:
            self.lose_answers -= 1
            raise TransientError("the connection broke after the commit", unknown=True)
        return Committed(value, len(self.log))

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        return UnitOfWork(self._load, self._clock()).attempt(look, present_actor())

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

    def events_of(self, stream: str) -> list[DomainEvent]:
        return list(self.streams.get(stream, []))

    def stored_of(self, stream: str) -> list[StoredEvent]:
        return list(self._stored[stream])

    def _load(self, stream: str) -> Aggregate | None:
        aggregate: Aggregate | None = None
        for one in self._stored[stream]:
            aggregate = self.mapper.apply(aggregate, one)
        return aggregate
