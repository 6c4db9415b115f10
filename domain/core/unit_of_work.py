"""The unit of work of one transaction: its loaded and new aggregates, and the events of its decisions."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

from domain.core.actor import Actor
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import UnknownSubject, WrongState

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")
SHOW = "show"  # category of the aggregate that knows the venue of everything with a `show_id`


class UnitOfWork:
    """The aggregates of one transaction, shared by several decisions; a decision that fails is undone.

    `load` reads a stored aggregate by its stream (None if it has no events); `at` is the transaction's time. Within a
    decision, what its actor may not see does not exist.
    """

    def __init__(self, load: Callable[[str], Aggregate | None], at: datetime) -> None:
        self.at = at
        self._load = load
        self._open: dict[str, Aggregate] = {}
        self._touched: dict[str, tuple[int, ...] | None] = {}
        self._actor: Actor | None = None

    def find(self, kind: type[A], identity: str) -> A | None:
        """Return an aggregate, or None if it does not exist for the actor."""
        stream = kind.stream(identity)
        found = self._opened(stream)
        if found is None or self._is_hidden(found):
            return None
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

    def attempt(self, decide: Callable[["UnitOfWork"], T], actor: Actor | None = None) -> T:
        """Run one decision on behalf of an actor; if it raises, undo its changes and reraise."""
        self._touched, self._actor = {}, actor
        try:
            value = decide(self)
        except BaseException:
            for stream, savepoint in self._touched.items():
                self._undo(stream, savepoint)
            raise
        else:
            if actor is not None:
                self._sign(actor)
            return value
        finally:
            self._actor = None

    def _opened(self, stream: str) -> Aggregate | None:
        """Return an aggregate of the unit of work, loaded on first use; None if it has no events."""
        if stream not in self._open:
            loaded = self._load(stream)
            if loaded is None:
                return None
            self._open[stream] = loaded
        return self._open[stream]

    def _is_hidden(self, found: Aggregate) -> bool:
        """Return whether an aggregate does not exist for the actor."""
        if self._actor is None:
            return False
        venue_id = getattr(found, "venue_id", None)
        show_id = getattr(found, "show_id", None)
        if self._actor.venue_id and venue_id is None and show_id is not None:
            venue_id = getattr(self._opened(f"{SHOW}:{show_id}"), "venue_id", None)
        return not self._actor.may_see(getattr(found, "tenant_id", None), venue_id)

    def _sign(self, actor: Actor) -> None:
        """Put the actor's name on the events of the decision.

        Events of shared aggregates may be of several decisions; those of the same decision beside them name the actor.
        """
        for stream, savepoint in self._touched.items():
            aggregate = self._open[stream]
            if not aggregate.CONTENDED:
                for event in aggregate.pending_events[savepoint[0] if savepoint else 0 :]:
                    vars(event)["by"] = actor.name

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
