"""The desk of one transaction: the aggregates that are being decided about, and the facts that come of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from domain.fact import Fact, Root
from domain.refusals import UnknownSubject, WrongState

A = TypeVar("A", bound=Root)
T = TypeVar("T")


class Desk:
    """Several decisions share it, one after another; one that fails leaves nothing behind.

    `load` reads an aggregate by its stream as it is stored (None when it has no facts); `at` is the transaction's time.
    """

    def __init__(self, load: Callable[[str], Root | None], at: datetime) -> None:
        self.at = at
        self._load = load
        self._open: dict[str, Root] = {}
        self._touched: set[str] = set()

    def find(self, kind: type[A], identity: str) -> A | None:
        """Return an aggregate, or None when there is none."""
        stream = kind.stream(identity)
        if stream not in self._open:
            loaded = self._load(stream)
            if loaded is None:
                return None
            self._open[stream] = loaded
        self._touched.add(stream)
        return cast(A, self._open[stream])

    def get(self, kind: type[A], identity: str) -> A:
        """Return an aggregate; refuse what does not exist."""
        found = self.find(kind, identity)
        if found is None:
            raise UnknownSubject(f"there is no {kind.KIND} {identity}", kind=kind.KIND, id=identity)
        return found

    def add(self, aggregate: A) -> A:
        """Put a new aggregate on the desk; refuse to put it over one that lies there."""
        if aggregate.id in self._open:
            raise WrongState(f"{aggregate.id} has begun already", id=aggregate.id)
        self._open[aggregate.id] = aggregate
        self._touched.add(aggregate.id)
        return aggregate

    def attempt(self, decide: Callable[["Desk"], T]) -> T:
        """Run one decision; when it raises, undo what it recorded and raise on."""
        self._touched = set()
        before = {stream: len(aggregate.pending_events) for stream, aggregate in self._open.items()}
        try:
            return decide(self)
        except BaseException:
            for stream in self._touched:
                self._undo(stream, before.get(stream, 0))
            raise

    def _undo(self, stream: str, kept: int) -> None:
        pending = self._open[stream].pending_events
        if len(pending) == kept:
            return
        accepted = pending[:kept]
        aggregate: Any = self._load(stream)
        for fact in accepted:
            aggregate = fact.mutate(aggregate)
        if aggregate is None:
            del self._open[stream]
            return
        aggregate.pending_events.extend(accepted)
        self._open[stream] = aggregate

    def aggregates(self) -> dict[str, Root]:
        """Return what lies on the desk, by stream."""
        return self._open

    def collect(self) -> list[Fact]:
        """Take the facts of all decisions, in the order of aggregates; each stream's facts are in sequence."""
        return [cast(Fact, fact) for aggregate in self._open.values() for fact in aggregate.collect_events()]
