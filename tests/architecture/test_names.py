"""No two classes or public type aliases of the product have the same name."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

from tests.architecture.test_tidy import ROOT, Module, modules, statements

NOT_THE_PRODUCT = {"tests", "bench", "devstack"}


def product() -> list[Module]:
    """Return the product's modules: every room beside tests, bench and devstack, and the modules at the root."""
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_THE_PRODUCT
    return [module for module in modules() if "/" not in module.path or module.path.partition("/")[0] in rooms]


def named(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every class, at any depth, and every public type alias of a module with its line."""
    for node in statements(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, node.lineno
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript()) if is_type_name(name):
                yield name, statement.lineno
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                yield name, statement.lineno


def is_type_name(name: str) -> bool:
    return name[0].isupper() and not name.isupper()


def duplicates(places: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names with more than one place."""
    found = defaultdict(list)
    for name, place in places:
        found[name].append(place)
    return {name: where for name, where in sorted(found.items()) if len(where) > 1}


def test_no_two_classes_of_the_product_have_one_name() -> None:
    """A name identifies one class."""
    places = [(name, f"{module.path}:{line}") for module in product() for name, line in named(module.tree)]
    assert len(places) > 300, "the product's classes were not found"
    assert duplicates(places) == {}


@pytest.mark.parametrize("second", ["class Hold: ...", "def f():\n    class Hold: ...", "Hold = dict[str, int]"])
def test_a_second_meaning_is_found(second: str) -> None:
    """A class, a class inside a function and a type alias all count."""
    sources = {"one": "class Hold: ...", "two": second}
    places = [(name, room) for room, source in sources.items() for name, _ in named(ast.parse(source))]
    assert duplicates(places) == {"Hold": ["one", "two"]}
