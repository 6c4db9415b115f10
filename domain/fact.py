"""The base of every aggregate and of every fact it records: hash-chained, without a clock and without randomness."""

import hashlib
import json
from dataclasses import fields
from datetime import datetime
from typing import Any, NoReturn, Self, cast

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, MetaDomainEvent

GENESIS = "0" * 64
_UNHASHED = {"digest", "originator_topic"}


def canonical(values: dict[str, Any]) -> str:
    """Return the one JSON text of a fact's values that its digest is taken of."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a fact holds plain values only, not {type(value).__name__}")


def digest_of(previous: str, fact: type, values: dict[str, Any]) -> str:
    """Chain a fact to the one before it: SHA-256 over the former digest, the fact's name and its values.

    A field that has its default is left out, so that a field added later does not break the chains of old facts.
    """
    defaults = {field.name: field.default for field in fields(fact)}
    hashed = {key: value for key, value in values.items() if key not in _UNHASHED and value != defaults.get(key)}
    return hashlib.sha256(f"{previous}\n{fact.__qualname__}\n{canonical(hashed)}".encode()).hexdigest()


class Fact(CanMutateAggregate[str], metaclass=MetaDomainEvent):
    """An immutable domain event. `timestamp` was passed in; `digest` chains it to the fact before it."""

    originator_id: str
    originator_version: int
    timestamp: datetime
    digest: str

    @staticmethod
    def create_timestamp() -> NoReturn:
        """Refuse: the domain has no clock."""
        raise TypeError("a fact's time is passed in")

    def mutate(self, aggregate: Any) -> Any:
        """Apply the fact and remember its digest as the end of the chain."""
        super().mutate(aggregate)
        aggregate.end_chain(self.digest)
        return aggregate


class FirstFact(Fact, CanInitAggregate[str]):
    """The fact that an aggregate begins with; its fields are the aggregate's constructor arguments."""

    originator_topic: str

    def mutate(self, aggregate: Any) -> Any:
        """Make the aggregate and begin its chain."""
        made = CanInitAggregate.mutate(self, aggregate)
        cast("Root", made).end_chain(self.digest)
        return made


class Root(BaseAggregate[str]):
    """An aggregate with a text id, whose public methods decide and whose facts only assign."""

    KIND = ""
    Event = Fact

    @property
    def digest(self) -> str:
        """The digest of the last fact: the end of the chain."""
        return self._digest

    def end_chain(self, digest: str) -> None:
        """Remember the digest of the fact that was just applied."""
        self._digest = digest

    @property
    def identity(self) -> str:
        """The id without its kind: what callers know it by."""
        return self.id.partition(":")[2]

    @classmethod
    def stream(cls, identity: str) -> str:
        """Return the event stream of one aggregate of this kind."""
        return f"{cls.KIND}:{identity}"

    @classmethod
    def begin(cls, fact: type[FirstFact], identity: str, at: datetime, **values: Any) -> Self:
        """Create the aggregate by its first fact."""
        identity = cls.stream(identity)
        digest = digest_of(
            GENESIS,
            fact,
            {**values, "originator_id": identity, "originator_version": 1, "timestamp": at},
        )
        return cls._create(fact, id=identity, timestamp=at, digest=digest, **values)

    def record(self, fact: type[Fact], at: datetime, **values: Any) -> None:
        """Append one fact to the chain."""
        own = {**values, "originator_id": self.id, "originator_version": self.version + 1, "timestamp": at}
        self.trigger_event(fact, timestamp=at, digest=digest_of(self.digest, fact, own), **values)


def broken_link(facts: list[Fact]) -> int | None:
    """Return the version of the first fact that does not follow from the one before it, or None when all do."""
    previous = GENESIS
    for fact in facts:
        if digest_of(previous, type(fact), dict(vars(fact))) != fact.digest:
            return fact.originator_version
        previous = fact.digest
    return None
