"""The desk of one transaction: the aggregates that are being decided about, and the facts that come of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from domain.core.aggregate import Fact, Root
from domain.core.errors import UnknownSubject, WrongState

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
        self._touched: dict[str, tuple[int, ...] | None] = {}

    def find(self, kind: type[A], identity: str) -> A | None:
        """Return an aggregate, or None when there is none."""
        stream = kind.stream(identity)
        if stream not in self._open:
            loaded = self._load(stream)
            if loaded is None:
                return None
            self._open[stream] = loaded
        found = self._open[stream]
        if stream not in self._touched:
            self._touched[stream] = found.mark()
        return cast(A, found)

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
        self._touched[aggregate.id] = None
        return aggregate

    def attempt(self, decide: Callable[["Desk"], T]) -> T:
        """Run one decision; when it raises, undo what it recorded and raise on."""
        self._touched = {}
        try:
            return decide(self)
        except BaseException:
            for stream, mark in self._touched.items():
                self._undo(stream, mark)
            raise

    def _undo(self, stream: str, mark: tuple[int, ...] | None) -> None:
        """Take one aggregate back to where it stood before this decision, or off the desk if it began with it."""
        spoilt = self._open.pop(stream)
        if mark is None:
            return
        if spoilt.rewind(mark):
            self._open[stream] = spoilt
            return
        accepted = spoilt.accepted(mark)
        aggregate: Any = self._load(stream)
        for fact in accepted:
            aggregate = fact.mutate(aggregate)
        aggregate.resume(accepted, spoilt, mark)
        self._open[stream] = aggregate

    def aggregates(self) -> dict[str, Root]:
        """Return what lies on the desk, by stream."""
        return self._open

    def collect(self) -> list[Fact]:
        """Take the facts of all decisions; each stream's facts are in sequence.

        What decisions share comes last: whoever reads the log meets a purchase before its seats.
        """
        ordered = sorted(self._open.values(), key=lambda aggregate: aggregate.SHARED)
        return [cast(Fact, fact) for aggregate in ordered for fact in aggregate.collect_events()]
