"""Every event names its aggregate and applies itself to that type, so that mypy checks its assignments.

The fields that an aggregate takes over from its first event, and those that `sets` names, are assigned by name: their
types are compared here.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ForwardRef, cast, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.payouts.payout import Payout
from tests.architecture.test_persisted_names import descendants
from tests.architecture.test_tidy import classes, modules

BASES = {DomainEvent.__name__, CreatedEvent.__name__}


def untyped(source: ast.ClassDef) -> Iterator[str]:
    """Report events without the type of their aggregate."""
    bases = [base for base in source.bases if ast.unparse(base).partition("[")[0] in BASES]
    subjects = {ast.unparse(base.slice) for base in bases if isinstance(base, ast.Subscript)}
    if bases and (len(subjects) != 1 or "Any" in subjects):
        yield f"{source.name} must name its aggregate: {'/'.join(sorted(BASES))}[TheAggregate]"
    for node in source.body if bases else ():
        if isinstance(node, ast.FunctionDef) and node.name == "apply":
            given = [ast.unparse(one.annotation) if one.annotation else "nothing" for one in node.args.args[1:]]
            if set(given) != subjects:
                yield f"{source.name}.apply takes {', '.join(given)}, and the event is of {', '.join(subjects)}"


def test_every_event_names_its_aggregate() -> None:
    """No event has `Any` as its aggregate or applies itself to another type."""
    naming = [module for module in modules() if any(base in module.text for base in BASES)]
    sources = [source for module in naming for source in classes(module) if module.path != "domain/core/aggregate.py"]
    assert [fault for source in sources for fault in untyped(source)] == []
    seen = {source.name for source in sources if any(ast.unparse(base).split("[")[0] in BASES for base in source.bases)}
    assert {kind.__name__ for kind in descendants(DomainEvent) if kind.TOPIC} <= seen


@pytest.mark.parametrize(
    "text",
    [
        "class OrderPlaced(DomainEvent): pass",
        "class OrderPlaced(DomainEvent[Any]): pass",
        "class OrderPlaced(DomainEvent['Order']):\n def apply(self, order: Any) -> None: pass",
        "class OrderPlaced(DomainEvent['Order']):\n def apply(self, order) -> None: pass",
        "class OrderPlaced(DomainEvent['Order']):\n def apply(self, order: 'Ticket') -> None: pass",
    ],
)
def test_an_untyped_event_is_found(text: str) -> None:
    """It has no aggregate, `Any`, or another one than `apply` takes."""
    assert [fault for source in ast.parse(text).body if isinstance(source, ast.ClassDef) for fault in untyped(source)]


def types_of(kind: type) -> dict[str, Any]:
    """Return the types of the fields of an event or an aggregate, and of an event's properties."""
    computed = {name: value.fget for name, value in vars(kind).items() if isinstance(value, property)}
    named = {name: inspect.get_annotations(get)["return"] for name, get in computed.items() if get}
    return named | {one.name: one.type for one in fields(cast("Any", kind))}


def mistaken(event: type[DomainEvent[Any]], kind: type) -> Iterator[str]:
    """Report the fields of an aggregate that its first event lacks, and those that an event sets to another type."""
    given, taken = types_of(event), {one.name: one for one in fields(cast("Any", kind))}
    if issubclass(event, CreatedEvent):
        needed = {one.name for one in taken.values() if one.init and one.default is one.default_factory is MISSING}
        yield from (f"{event.__name__} has no {name} for {kind.__name__}" for name in sorted(needed - given.keys()))
        names, values = [name for name in taken if taken[name].init and name in given], dict[str, Any]()
    else:
        declared = inspect.getclosurevars(event.apply).nonlocals
        names, values = declared.get("names", ()), declared.get("values", {})
    for name in names:
        if name not in taken or given[name] not in {taken[name].type, *get_args(taken[name].type)}:
            yield f"{event.__name__}.{name} is no {name} of {kind.__name__}"
    for name, value in values.items():
        try:
            TypeAdapter(cast("Any", taken[name].type)).validate_python(value, strict=True)
        except (KeyError, ValidationError):
            yield f"{event.__name__} sets {name} to {value}, which is none of {kind.__name__}"


def aggregate_of(event: type[DomainEvent[Any]]) -> str:
    """Return the name of the aggregate that an event names."""
    bases = [base for base in vars(event)["__orig_bases__"] if get_origin(base) in {CreatedEvent, DomainEvent}]
    (named,) = get_args(bases[0])
    return named.__forward_arg__ if isinstance(named, ForwardRef) else str(named.__name__)


def test_an_aggregate_takes_over_the_fields_of_its_events_with_their_types() -> None:
    """Each field that is set by name is of the event's type, or takes the value; a first event sets all it has to."""
    kinds = {kind.__name__: kind for kind in descendants(Aggregate)}
    events = [event for event in descendants(DomainEvent) if event.TOPIC]
    assert [fault for event in events for fault in mistaken(event, kinds[aggregate_of(event)])] == []
    first = {aggregate_of(event) for event in events if issubclass(event, CreatedEvent)}
    assert first == {name for name, kind in kinds.items() if kind.TOPIC}


def test_a_field_of_another_type_and_a_missing_one_are_found() -> None:
    """A field that the first event does not set is none of its."""

    @dataclass(frozen=True)
    class PayoutSeen(CreatedEvent[Payout]):
        TOPIC = ""  # never stored

        currency: int = 0

    class PayoutLost(DomainEvent[Payout]):
        TOPIC = ""  # never stored
        apply = sets("originator_version", currency=1, state="lost", venue="ve", seen=True)

    @dataclass
    class Seen:
        currency: str
        amount_minor: int
        state: str = "seen"
        venue: str = field(init=False)

    assert list(mistaken(PayoutSeen, Seen)) == [
        "PayoutSeen has no amount_minor for Seen",
        "PayoutSeen.currency is no currency of Seen",
    ]
    assert list(mistaken(PayoutLost, Seen)) == [
        "PayoutLost.originator_version is no originator_version of Seen",
        "PayoutLost sets currency to 1, which is none of Seen",
        "PayoutLost sets seen to True, which is none of Seen",
    ]


def test_every_aggregate_has_a_kind() -> None:
    """A concrete aggregate has a kind, and a base class has none."""
    assert [root.__name__ for root in descendants(Aggregate) if bool(root.STREAM_CATEGORY) != bool(root.TOPIC)] == []
