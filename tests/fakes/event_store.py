"""A ledger in memory, for tests of activities and workflows."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from activities.core.ports import Committed
from domain.core.aggregate import Fact, Root
from domain.core.transient import Busy, Weather
from domain.core.unit_of_work import Desk

T = TypeVar("T")


class FakeLedger:
    """Keeps facts in lists; `lose_answers` makes that many commits succeed without an answer.

    With `line_is_full` it takes nobody.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.streams: dict[str, list[Fact]] = defaultdict(list)
        self.log: list[Fact] = []
        self.lose_answers = 0
        self.refuse_connections = 0
        self.line_is_full = False
        self._clock = clock

    async def commit(self, decide: Callable[[Desk], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.line_is_full:
            raise Busy("the line is full")
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise Weather("no connection")
        desk = Desk(self._load, self._clock())
        value = desk.attempt(decide)
        facts = desk.collect()
        if any(fact.originator_version <= len(self.streams.get(fact.originator_id, [])) for fact in facts):
            raise Weather("these facts are stored already", unknown=True)
        for fact in facts:
            self.streams[fact.originator_id].append(fact)
            self.log.append(fact)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Weather("the connection broke after the commit", unknown=True)
        return Committed(value, len(self.log))

    async def read(self, look: Callable[[Desk], T], reads: Iterable[str] = ()) -> T:
        return look(Desk(self._load, self._clock()))

    async def look(self, look: Callable[[Desk], T], reads: Iterable[str] = ()) -> Committed[T]:
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise Weather("no connection")
        return Committed(await self.read(look), len(self.log))

    def facts_of(self, stream: str) -> list[Fact]:
        return list(self.streams.get(stream, []))

    def _load(self, stream: str) -> Root | None:
        aggregate: Any = None
        for fact in self.streams.get(stream, []):
            aggregate = fact.mutate(aggregate)
        return aggregate
