"""Every event says which aggregate it is of, and applies itself to that one: mypy checks what it assigns."""

import ast
from collections.abc import Iterator

import pytest

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from tests.architecture.test_persisted_names import descendants
from tests.architecture.test_tidy import classes, modules

BASES = {DomainEvent.__name__, CreatedEvent.__name__}


def untyped(source: ast.ClassDef) -> Iterator[str]:
    """Say how an event does not say what it applies to."""
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
    """No event is one of anything, and none applies itself to anything else than it says."""
    sources = [
        source for module in modules() for source in classes(module) if module.path != "domain/core/aggregate.py"
    ]
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
def test_an_untyped_event_shows(text: str) -> None:
    """Without an aggregate, with any, or with another one than `apply` takes."""
    assert [fault for source in ast.parse(text).body if isinstance(source, ast.ClassDef) for fault in untyped(source)]


def test_every_aggregate_has_a_kind() -> None:
    """An aggregate that may be stored has a stream of its own, and a base of others has none."""
    assert [root.__name__ for root in descendants(Aggregate) if bool(root.STREAM_CATEGORY) != bool(root.TOPIC)] == []
