"""The two tiers of the tests, and the order of the whole run.

`pytest --quick` is the fast tier: every folder but those of `SLOW`, and no test that is marked `slow` or `nightly`. A
new folder belongs to the fast tier until it is listed here.

Drawn examples are the same each time; with `HYPOTHESIS_PROFILE=nightly` there are many random ones:
`HYPOTHESIS_PROFILE=nightly python -m pytest tests/property --timeout=7200`. The two longest properties have a run of
their own: `python -m tests.property --help`.
"""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from adapters.runtime.gc_tuning import NEW_OBJECTS

# Unless this is missing, jsonschema builds 38 grammars in each process (1.4 s) for formats that no schema of ours has.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# The client of the API in this process looks for it at each request, and it is not installed.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
TESTS = Path(__file__).parent
# Needs servers, processes or many drawn examples. The whole run begins with these, in this order, so that no worker is
# left alone with a long one at the end.
SLOW = ("real", "chaos", "property", "matrix", "race", "contract", "ops", "devstack", "packaging", "mutants")

SLOW_MARKS = ("slow", "nightly")

# Before any test is read: `@settings` adds to the profile of that moment.
settings.register_profile(
    "quick", derandomize=True, max_examples=50, stateful_step_count=25, deadline=None, database=None
)
settings.register_profile("nightly", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the fast tier."""
    parser.addoption("--quick", action="store_true", help="leave out the slow tests (tests/conftest.py says which)")


def pytest_configure(config: pytest.Config) -> None:
    """Collect garbage as rarely as production does: modules and syntax trees are many objects and no garbage."""
    gc.set_threshold(NEW_OBJECTS)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Exempt the tests and all that they imported from collection; leave out the sandbox in the fast tier."""
    if session.config.getoption("quick"):
        from tests.fakes.sandbox import WorldRunner  # with Temporal's library: half a second for who runs no test

        WorldRunner.is_fast = True
    gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the slow folders in the fast tier."""
    return True if config.getoption("quick") and _room(collection_path) in SLOW else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow or nightly in the fast tier, unless -m chooses; put the slow folders first."""
    if config.getoption("quick") and not config.getoption("markexpr"):
        slow = [item for item in items if any(item.get_closest_marker(mark) for mark in SLOW_MARKS)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
    items.sort(key=lambda item: _rank(_room(item.path)))


def _room(path: Path) -> str:
    inside = path.relative_to(TESTS) if path.is_relative_to(TESTS) else Path()
    return inside.parts[0] if inside.parts else ""


def _rank(room: str) -> int:
    return SLOW.index(room) if room in SLOW else len(SLOW)
