"""The base of every aggregate and of every event it records: hash-chained, without a clock and without randomness."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from inspect import signature
from typing import Any, NoReturn, Self, cast

import orjson
from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, MetaDomainEvent
from eventsourcing.utils import get_topic, resolve_topic

GENESIS = "0" * 64
_UNHASHED = {"digest", "originator_topic"}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"an event holds plain values only, not {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain)


def canonical(values: dict[str, Any]) -> str:
    """Return the one JSON text of an event's values that its digest is taken of: keys in order, ASCII only."""
    if float not in map(type, values.values()):
        # Eight times faster, and the same text but for these: floats, what is not ASCII, numbers beyond 64 bits.
        with contextlib.suppress(TypeError):
            text = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
            if text.isascii() and b"\x7f" not in text:
                return text.decode()
    return _ENCODER.encode(values)


@cache
def _defaults_of(event: type) -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(event)}


def _given(defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: default for name, default in defaults.items() if default is not MISSING}


@cache
def _parameters_of(kind: type) -> frozenset[str]:
    """Return the names of a constructor's arguments."""
    return frozenset(signature(vars(kind)["__init__"]).parameters)


def digest_of(previous: str, event: type, values: dict[str, Any]) -> str:
    """Chain an event to the one before it: SHA-256 over the former digest, the event's name and its values.

    A field that has its default is left out, so that a field added later does not break the chains of old events.
    """
    defaults = _defaults_of(event)
    hashed = {key: value for key, value in values.items() if key not in _UNHASHED and value != defaults.get(key)}
    return hashlib.sha256(f"{previous}\n{event.__qualname__}\n{canonical(hashed)}".encode()).hexdigest()


class DomainEvent(CanMutateAggregate[str], metaclass=MetaDomainEvent):
    """An immutable domain event. `timestamp` was passed in; `digest` chains it to the event before it."""

    originator_id: str
    originator_version: int
    timestamp: datetime
    digest: str

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

    def mutate(self, aggregate: Any) -> Any:
        """Apply the event and remember its digest as the end of the chain."""
        super().mutate(aggregate)
        aggregate.end_chain(self.digest)
        return aggregate


class CreatedEvent(DomainEvent, CanInitAggregate[str]):
    """The event that an aggregate begins with; its fields are the aggregate's constructor arguments."""

    originator_topic: str

    def mutate(self, aggregate: Any) -> Any:
        """Make the aggregate and begin its chain; what its constructor does not know is left out."""
        if aggregate is not None:
            raise TypeError(f"{aggregate.id} has begun already")
        kind = cast("type[Aggregate]", resolve_topic(self.originator_topic))
        made: Any = kind.__new__(kind)
        made.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        known = _parameters_of(kind)
        made.__init__(**{name: value for name, value in vars(self).items() if name in known})
        made.end_chain(self.digest)
        return made


class Aggregate(BaseAggregate[str]):
    """An aggregate with a text id, whose public methods decide and whose events only assign."""

    STREAM_CATEGORY = ""
    CACHED = True  # whether it is looked at again soon after it was saved
    CONTENDED = False  # whether decisions about different things meet here, many in one transaction
    SNAPSHOT_VERSION = 0  # the number of its snapshot's shape; 0 has none, a changed shape gets a new number
    Event = DomainEvent

    @property
    def digest(self) -> str:
        """The digest of the last event: the end of the chain."""
        return self._digest

    def end_chain(self, digest: str) -> None:
        """Remember the digest of the event that was just applied."""
        self._digest = digest

    @property
    def identity(self) -> str:
        """The id without its kind: what callers know it by."""
        return self.id.partition(":")[2]

    @classmethod
    def stream(cls, identity: str) -> str:
        """Return the event stream of one aggregate of this kind."""
        return f"{cls.STREAM_CATEGORY}:{identity}"

    @classmethod
    def begin(cls, event: type[CreatedEvent], identity: str, at: datetime, **values: Any) -> Self:
        """Create the aggregate by its first event."""
        own = {**values, "originator_id": cls.stream(identity), "originator_version": 1, "timestamp": at}
        begun = event.build({**own, "digest": digest_of(GENESIS, event, own), "originator_topic": get_topic(cls)})
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
        made.end_chain(digest)
        made.restore(snapshot)
        return made

    def record(self, event: type[DomainEvent], at: datetime, **values: Any) -> None:
        """Append one event to the chain."""
        own = {**values, "originator_id": self.id, "originator_version": self.version + 1, "timestamp": at}
        recorded = event.build({**own, "digest": digest_of(self.digest, event, own)})
        recorded.mutate(self)
        self._pending_events.append(recorded)


def broken_link(events: list[DomainEvent]) -> int | None:
    """Return the version of the first event that does not follow from the one before it, or None when all do."""
    previous = GENESIS
    for event in events:
        if digest_of(previous, type(event), dict(vars(event))) != event.digest:
            return event.originator_version
        previous = event.digest
    return None
