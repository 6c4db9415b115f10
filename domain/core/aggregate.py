"""Base classes of aggregates and domain events: named by topics, without a clock or randomness."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Generic, Never, NoReturn, Self, cast

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, MetaDomainEvent
from eventsourcing.utils import get_topic, resolve_topic
from typing_extensions import TypeVar

from domain.core.chain import GENESIS
from domain.core.topics import register

# The aggregate to which an event applies. `DomainEvent` alone is an event of any aggregate.
A_contra = TypeVar("A_contra", contravariant=True, default=Never)


@cache
def _defaults_of(event: type) -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(event)}


def _given(defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: default for name, default in defaults.items() if default is not MISSING}


@cache
def _carried_by(event: type, kind: type) -> frozenset[str]:
    """Return the names of an event's fields that an aggregate takes over as they are."""
    return frozenset(field.name for field in fields(kind) if field.init) & _defaults_of(event).keys()


class DomainEvent(CanMutateAggregate[str], Generic[A_contra], metaclass=MetaDomainEvent):
    """An immutable domain event of an aggregate, stored under its `TOPIC`; the caller passes `timestamp` in.

    Its `digest` links it to the previous event, and is empty until the event is stored. `by` names the actor on whose
    behalf it was decided, and is empty for the system itself.
    """

    TOPIC: ClassVar[str] = ""
    digest = ""  # no field: the event store puts it before the fields
    by = ""  # no field: the unit of work puts it behind the fields

    originator_id: str
    originator_version: int
    timestamp: datetime

    def __init_subclass__(cls) -> None:
        """Register the class; raise TypeError without a topic of its own."""
        super().__init_subclass__()
        register(cls)

    @property
    def identity(self) -> str:
        """The id of its aggregate, without its category."""
        return self.originator_id.partition(":")[2]

    @classmethod
    def build(cls, values: dict[str, Any]) -> Self:
        """Create an event from all its values at once; raise TypeError for a missing or unknown one.

        A tuple becomes a list, as it is when the event is loaded.
        """
        defaults = _defaults_of(cls)
        whole = values if values.keys() == defaults.keys() else {**_given(defaults), **values}
        if whole.keys() != defaults.keys():
            raise TypeError(f"{cls.__name__} does not have exactly these fields: {', '.join(sorted(values))}")
        event = object.__new__(cls)
        vars(event).update({name: list(value) if isinstance(value, tuple) else value for name, value in whole.items()})
        return event

    @staticmethod
    def create_timestamp() -> NoReturn:
        """Raise TypeError: the domain has no clock."""
        raise TypeError("the domain has no clock: pass the event's timestamp in")

    def apply(self, aggregate: A_contra) -> None:
        """Assign the values of the event to the aggregate, without any decision."""


def sets(*names: str, **values: Any) -> Any:
    """Return an `apply` that sets fields of the aggregate: those of the event by these names, others to values."""

    def apply(event: "DomainEvent[Any]", aggregate: "Aggregate") -> None:
        vars(aggregate).update(values, **{name: getattr(event, name) for name in names})

    return apply


class CreatedEvent(DomainEvent[A_contra], CanInitAggregate[str]):
    """The first event: the aggregate takes over the fields that it has by the same names; `apply` sets the others."""

    TOPIC = ""

    originator_topic: str

    def mutate(self, aggregate: Any) -> Any:
        """Create the aggregate."""
        if aggregate is not None:
            raise TypeError(f"{aggregate.id} already exists")
        kind = cast("type[Aggregate]", resolve_topic(self.originator_topic))
        made: Any = kind.__new__(kind)
        made.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        made.__init__(**{name: getattr(self, name) for name in _carried_by(type(self), kind)})
        self.apply(made)
        return made


class Aggregate(BaseAggregate[str]):
    """An aggregate with a text id: its public methods decide, its events only assign.

    Each class is made a dataclass by the library; fields with `init=False` are never those of the first event.
    """

    TOPIC = ""
    STREAM_CATEGORY = ""
    CACHED = True  # whether it is usually read again soon after it was saved
    CONTENDED = False  # whether many decisions of one transaction share it
    SNAPSHOT_VERSION = 0  # version of the snapshot's format; 0: no snapshots
    digest = GENESIS  # of the last stored event

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the class; raise TypeError without a topic of its own."""
        register(cls)
        super().__init_subclass__(**options)

    @property
    def identity(self) -> str:
        """The id without its category, as callers know it."""
        return self.id.partition(":")[2]

    @classmethod
    def stream(cls, identity: str) -> str:
        """Return the name of the event stream of one aggregate of this class."""
        return f"{cls.STREAM_CATEGORY}:{identity}"

    @classmethod
    def begin(cls, event: type[CreatedEvent[Self]], identity: str, at: datetime, **values: Any) -> Self:
        """Create the aggregate with its first event."""
        own = {**values, "originator_id": cls.stream(identity), "originator_version": 1, "timestamp": at}
        begun = event.build({**own, "originator_topic": get_topic(cls)})
        made: Self = begun.mutate(None)
        made.pending_events.append(begun)
        return made

    def savepoint(self) -> tuple[int, ...]:
        """Return the present position, to which a failing decision can be rolled back."""
        return (len(self._pending_events),)

    def rollback_to(self, savepoint: tuple[int, ...]) -> bool:
        """Go back to a savepoint; False if that takes a reload with `events_until` and `replay_after_rollback`."""
        return self.savepoint() == savepoint

    def events_until(self, savepoint: tuple[int, ...]) -> list[DomainEvent]:
        """Return the events recorded before a savepoint."""
        return [cast(DomainEvent, event) for event in self._pending_events[: savepoint[0]]]

    def replay_after_rollback(self, events_until: list[DomainEvent], failed: Self, savepoint: tuple[int, ...]) -> None:  # noqa: ARG002 - see Allocation
        """After a reload, take over the accepted events from the copy that the failed decision changed."""
        self._pending_events.extend(events_until)

    @property
    def snapshot_cost(self) -> int:
        """Cost of a snapshot, in events; a new one is taken only after that many new events."""
        return 0

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; only aggregates with a `SNAPSHOT_VERSION` have snapshots."""
        return {"began": self.created_on.isoformat(), "changed": self.modified_on.isoformat()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Set the state from a snapshot."""

    @classmethod
    def from_snapshot(cls, stream: str, version: int, digest: str, snapshot: dict[str, Any]) -> Self:
        """Create an aggregate from a snapshot, as it was after the event of that version and digest."""
        made = cls.__new__(cls)
        made.__base_init__(stream, version, datetime.fromisoformat(snapshot["began"]))
        made.modified_on = datetime.fromisoformat(snapshot["changed"])
        made.digest = digest
        made.restore(snapshot)
        return made

    def record(self, event: type[DomainEvent[Self]], at: datetime, **values: Any) -> None:
        """Apply an event and queue it for storage."""
        own = {**values, "originator_id": self.id, "originator_version": self.version + 1, "timestamp": at}
        recorded = event.build(own)
        recorded.mutate(self)
        self._pending_events.append(recorded)
