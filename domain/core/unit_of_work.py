"""The unit of work of one transaction: its loaded and new aggregates, and the events of its decisions."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import UnknownSubject, WrongState

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class UnitOfWork:
    """The aggregates of one transaction, shared by several decisions; a decision that fails is undone.

    `load` reads a stored aggregate by its stream (None if it has no events); `at` is the transaction's time.
    """

    def __init__(self, load: Callable[[str], Aggregate | None], at: datetime) -> None:
        self.at = at
        self._load = load
        self._open: dict[str, Aggregate] = {}
        self._touched: dict[str, tuple[int, ...] | None] = {}

    def find(self, kind: type[A], identity: str) -> A | None:
        """Return an aggregate, or None if it does not exist."""
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
        """Return an aggregate; raise UnknownSubject if it does not exist."""
        found = self.find(kind, identity)
        if found is None:
            raise UnknownSubject(
                f"{kind.STREAM_CATEGORY} {identity} does not exist", kind=kind.STREAM_CATEGORY, id=identity
            )
        return found

    def add(self, aggregate: A) -> A:
        """Add a new aggregate; raise WrongState if it already exists."""
        if aggregate.id in self._open:
            raise WrongState(f"{aggregate.id} already exists", id=aggregate.id)
        self._open[aggregate.id] = aggregate
        self._touched[aggregate.id] = None
        return aggregate

    def attempt(self, decide: Callable[["UnitOfWork"], T]) -> T:
        """Run one decision; if it raises, undo its changes and reraise."""
        self._touched = {}
        try:
            return decide(self)
        except BaseException:
            for stream, savepoint in self._touched.items():
                self._undo(stream, savepoint)
            raise

    def _undo(self, stream: str, savepoint: tuple[int, ...] | None) -> None:
        """Take one aggregate back to its state before this decision, or drop it if the decision created it."""
        failed = self._open.pop(stream)
        if savepoint is None:
            return
        if failed.rollback_to(savepoint):
            self._open[stream] = failed
            return
        events_until = failed.events_until(savepoint)
        aggregate = self._load(stream)
        for event in events_until:
            aggregate = event.mutate(aggregate)
        reloaded = cast(Aggregate, aggregate)
        reloaded.replay_after_rollback(events_until, failed, savepoint)
        self._open[stream] = reloaded

    def aggregates(self) -> dict[str, Aggregate]:
        """Return all aggregates of the unit of work, by stream."""
        return self._open

    def collect(self) -> list[DomainEvent]:
        """Take the events of all decisions; each stream's events are in sequence.

        Events of shared aggregates come last, so that projections see a purchase before its holds.
        """
        ordered = sorted(self._open.values(), key=lambda aggregate: aggregate.CONTENDED)
        return [cast(DomainEvent, event) for aggregate in ordered for event in aggregate.collect_events()]
