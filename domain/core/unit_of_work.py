"""The unit of work of one transaction: the aggregates that are being decided about, and the events that come of it."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import UnknownSubject, WrongState

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class UnitOfWork:
    """Several decisions share it, one after another; one that fails leaves nothing behind.

    `load` reads a stored aggregate by its stream (None when it has no events); `at` is the transaction's time.
    """

    def __init__(self, load: Callable[[str], Aggregate | None], at: datetime) -> None:
        self.at = at
        self._load = load
        self._open: dict[str, Aggregate] = {}
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
            self._touched[stream] = found.savepoint()
        return cast(A, found)

    def get(self, kind: type[A], identity: str) -> A:
        """Return an aggregate; refuse what does not exist."""
        found = self.find(kind, identity)
        if found is None:
            raise UnknownSubject(
                f"{kind.STREAM_CATEGORY} {identity} does not exist", kind=kind.STREAM_CATEGORY, id=identity
            )
        return found

    def add(self, aggregate: A) -> A:
        """Put a new aggregate on the unit of work; refuse to put it over one that lies there."""
        if aggregate.id in self._open:
            raise WrongState(f"{aggregate.id} already exists", id=aggregate.id)
        self._open[aggregate.id] = aggregate
        self._touched[aggregate.id] = None
        return aggregate

    def attempt(self, decide: Callable[["UnitOfWork"], T]) -> T:
        """Run one decision; when it raises, undo what it recorded and raise on."""
        self._touched = {}
        try:
            return decide(self)
        except BaseException:
            for stream, savepoint in self._touched.items():
                self._undo(stream, savepoint)
            raise

    def _undo(self, stream: str, savepoint: tuple[int, ...] | None) -> None:
        """Take one aggregate back to where it stood before this decision, or drop it if it began with it."""
        spoilt = self._open.pop(stream)
        if savepoint is None:
            return
        if spoilt.rollback_to(savepoint):
            self._open[stream] = spoilt
            return
        events_until = spoilt.events_until(savepoint)
        aggregate = self._load(stream)
        for event in events_until:
            aggregate = event.mutate(aggregate)
        again = cast(Aggregate, aggregate)
        again.replay_after_rollback(events_until, spoilt, savepoint)
        self._open[stream] = again

    def aggregates(self) -> dict[str, Aggregate]:
        """Return what lies on the unit of work, by stream."""
        return self._open

    def collect(self) -> list[DomainEvent]:
        """Take the events of all decisions; each stream's events are in sequence.

        What decisions share comes last: whoever reads the log meets a purchase before its seats.
        """
        ordered = sorted(self._open.values(), key=lambda aggregate: aggregate.CONTENDED)
        return [cast(DomainEvent, event) for aggregate in ordered for event in aggregate.collect_events()]
