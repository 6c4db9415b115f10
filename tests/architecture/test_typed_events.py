"""Every event names its aggregate and applies itself to that type, so that mypy checks its assignments."""

import ast
from collections.abc import Iterator

import pytest

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
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


def test_every_aggregate_has_a_kind() -> None:
    """A concrete aggregate has a kind, and a base class has none."""
    assert [root.__name__ for root in descendants(Aggregate) if bool(root.STREAM_CATEGORY) != bool(root.TOPIC)] == []
