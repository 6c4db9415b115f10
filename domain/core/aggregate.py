"""The base of every aggregate and of every domain event: named by topics, without a clock or randomness."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from inspect import signature
from typing import Any, ClassVar, Generic, Never, NoReturn, Self, cast

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, MetaDomainEvent
from eventsourcing.utils import get_topic, resolve_topic
from typing_extensions import TypeVar

from domain.core.chain import GENESIS
from domain.core.topics import register

# What an event applies to. `DomainEvent` alone is an event of whatever aggregate.
A_contra = TypeVar("A_contra", contravariant=True, default=Never)


@cache
def _defaults_of(event: type) -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(event)}


def _given(defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: default for name, default in defaults.items() if default is not MISSING}


@cache
def _parameters_of(kind: type) -> frozenset[str]:
    """Return the names of a constructor's arguments."""
    return frozenset(signature(vars(kind)["__init__"]).parameters)


class DomainEvent(CanMutateAggregate[str], Generic[A_contra], metaclass=MetaDomainEvent):
    """An immutable domain event of an aggregate, stored under its `TOPIC`; `timestamp` was passed in.

    Its `digest` links it to the event before it, and is empty until the event is stored.
    """

    TOPIC: ClassVar[str] = ""
    digest = ""  # no field: the store puts it before the fields

    originator_id: str
    originator_version: int
    timestamp: datetime

    def __init_subclass__(cls) -> None:
        """Refuse an event without a topic of its own."""
        super().__init_subclass__()
        register(cls)

    @classmethod
    def build(cls, values: dict[str, Any]) -> Self:
        """Make an event of all its values at once; a missing or unknown one is an error."""
        defaults = _defaults_of(cls)
        whole = values if values.keys() == defaults.keys() else {**_given(defaults), **values}
        if whole.keys() != defaults.keys():
            raise TypeError(f"{cls.__name__} has not exactly these fields: {', '.join(sorted(values))}")
        event = object.__new__(cls)
        vars(event).update(whole)
        return event

    @staticmethod
    def create_timestamp() -> NoReturn:
        """Refuse: the domain has no clock."""
        raise TypeError("an event's time is passed in")

    def apply(self, aggregate: A_contra) -> None:
        """Assign what the event says; nothing is decided here."""


class CreatedEvent(DomainEvent[A_contra], CanInitAggregate[str]):
    """The event that an aggregate begins with; its fields are the aggregate's constructor arguments."""

    TOPIC = ""

    originator_topic: str

    def mutate(self, aggregate: Any) -> Any:
        """Make the aggregate; what its constructor does not know is left out."""
        if aggregate is not None:
            raise TypeError(f"{aggregate.id} has begun already")
        kind = cast("type[Aggregate]", resolve_topic(self.originator_topic))
        made: Any = kind.__new__(kind)
        made.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        known = _parameters_of(kind)
        made.__init__(**{name: value for name, value in vars(self).items() if name in known})
        return made


class Aggregate(BaseAggregate[str]):
    """An aggregate with a text id, whose public methods decide and whose events only assign."""

    TOPIC = ""
    STREAM_CATEGORY = ""
    CACHED = True  # whether it is looked at again soon after it was saved
    CONTENDED = False  # whether decisions about different things meet here, many in one transaction
    SNAPSHOT_VERSION = 0  # the number of its snapshot's shape; 0 has none, a changed shape gets a new number
    digest = GENESIS  # of the last event that was stored

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse an aggregate without a topic of its own."""
        register(cls)
        super().__init_subclass__(**options)

    @property
    def identity(self) -> str:
        """The id without its kind: what callers know it by."""
        return self.id.partition(":")[2]

    @classmethod
    def stream(cls, identity: str) -> str:
        """Return the event stream of one aggregate of this kind."""
        return f"{cls.STREAM_CATEGORY}:{identity}"

    @classmethod
    def begin(cls, event: type[CreatedEvent[Self]], identity: str, at: datetime, **values: Any) -> Self:
        """Create the aggregate by its first event."""
        own = {**values, "originator_id": cls.stream(identity), "originator_version": 1, "timestamp": at}
        begun = event.build({**own, "originator_topic": get_topic(cls)})
        made: Self = begun.mutate(None)
        made.pending_events.append(begun)
        return made

    def savepoint(self) -> tuple[int, ...]:
        """Return where it stands, so that a decision that fails can be taken back to here."""
        return (len(self._pending_events),)

    def rollback_to(self, savepoint: tuple[int, ...]) -> bool:
        """Go back to a mark; False when that takes a reload, `events_until` and `replay_after_rollback`."""
        return self.savepoint() == savepoint

    def events_until(self, savepoint: tuple[int, ...]) -> list[DomainEvent]:
        """Return the events that were recorded up to a mark."""
        return [cast(DomainEvent, event) for event in self._pending_events[: savepoint[0]]]

    def replay_after_rollback(self, events_until: list[DomainEvent], spoilt: Self, savepoint: tuple[int, ...]) -> None:  # noqa: ARG002 - see Allocation
        """After a reload up to the accepted events, take them over from the copy that a failing decision spoilt."""
        self._pending_events.extend(events_until)

    @property
    def snapshot_cost(self) -> int:
        """How many events a snapshot of it costs about as much as."""
        return 0

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; only aggregates with a `SNAPSHOT_VERSION` have one."""
        return {"began": self.created_on.isoformat(), "changed": self.modified_on.isoformat()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take the state of a snapshot."""

    @classmethod
    def from_snapshot(cls, stream: str, version: int, digest: str, snapshot: dict[str, Any]) -> Self:
        """Make an aggregate of a snapshot, as the event of that version and digest left it."""
        made = cls.__new__(cls)
        made.__base_init__(stream, version, datetime.fromisoformat(snapshot["began"]))
        made.modified_on = datetime.fromisoformat(snapshot["changed"])
        made.digest = digest
        made.restore(snapshot)
        return made

    def record(self, event: type[DomainEvent[Self]], at: datetime, **values: Any) -> None:
        """Apply one event, and keep it to be stored."""
        own = {**values, "originator_id": self.id, "originator_version": self.version + 1, "timestamp": at}
        recorded = event.build(own)
        recorded.mutate(self)
        self._pending_events.append(recorded)
