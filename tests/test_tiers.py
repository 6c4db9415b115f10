"""The fast tier leaves out what is slow, and runs workflows without their sandbox; all tests are patient."""

import ast
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests import conftest
from tests.fakes.sandbox import WorldRunner

WAITS = {"asyncio.timeout": 1, "asyncio.wait_for": 2}  # the place of its seconds
LONGER = {"test_ill_chain.py: asyncio.timeout(1200)"}


def nothing() -> None:
    """Test nothing."""


@pytest.mark.parametrize("mark", ["slow", "nightly"])
@pytest.mark.parametrize(("quick", "chosen"), [(True, ""), (False, ""), (True, "not nightly")])
def test_the_fast_tier_leaves_out_what_is_marked(
    mark: str, chosen: str, *, quick: bool, request: pytest.FixtureRequest
) -> None:
    """A marked test is deselected in the fast tier, and stays in the whole run and where -m chooses by marks."""
    plain, marked = (
        pytest.Function.from_parent(request.node.parent, name=name, callobj=nothing) for name in ("plain", "marked")
    )
    marked.add_marker(mark)
    left_out: list[pytest.Item] = []

    def deselected(items: list[pytest.Item]) -> None:
        left_out.extend(items)

    hook = SimpleNamespace(pytest_deselected=deselected)
    config: Any = SimpleNamespace(getoption={"quick": quick, "markexpr": chosen}.__getitem__, hook=hook)
    items = [marked, plain]
    conftest.pytest_collection_modifyitems(cast("pytest.Config", config), cast("list[pytest.Item]", items))
    assert (items, left_out) == (([plain], [marked]) if quick and not chosen else ([marked, plain], []))


def test_only_the_fast_tier_leaves_out_the_sandbox(pytestconfig: pytest.Config) -> None:
    """The whole run has each workflow in the sandbox."""
    assert WorldRunner.is_fast is pytestconfig.getoption("quick")


def hurried(source: str) -> Iterator[str]:
    """Yield each wait with a time of its own."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name in WAITS and len(call.args) >= WAITS[name] and isinstance(call.args[WAITS[name] - 1], ast.Constant):
            yield ast.unparse(call)


def test_every_wait_has_the_same_patience() -> None:
    """A test that waits for what must come takes `PATIENCE_SECONDS`: a shorter one fails on a busy machine."""
    assert list(hurried("asyncio.timeout(20)\nasyncio.wait_for(it, 5)")) == [
        "asyncio.timeout(20)",
        "asyncio.wait_for(it, 5)",
    ]
    found = {
        f"{path.name}: {wait}"
        for room in ("real", "workflows")
        for path in (conftest.TESTS / room).rglob("*.py")
        for wait in hurried(path.read_text())
    }
    assert found == LONGER
