"""The fast tier leaves out what is slow, and runs the workflows of the worlds without their sandbox."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests import conftest
from tests.fakes.sandbox import WorldRunner


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
