"""The order of the whole run: what waits for a real stack begins first, so that no worker is left alone with it."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONG = ("real", "chaos", "property", "matrix", "race")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long rooms first, in this order; within a room everything stays as it is."""
    items.sort(key=lambda item: _rank(item.path.relative_to(TESTS).parts[0]))


def _rank(room: str) -> int:
    return LONG.index(room) if room in LONG else len(LONG)
