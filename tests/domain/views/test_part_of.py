"""A view is made of fields of the same names, and of its own values."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from typing_extensions import TypedDict

from domain.views.common import part_of


class Kept(NamedTuple):
    """A source with a moment and a tuple."""

    at: datetime
    names: tuple[str, ...]


class View(TypedDict):
    """What of it is shown."""

    at: str
    names: list[str]
    total: int


def test_a_view_has_the_sources_values_as_json_has_them() -> None:
    """A moment becomes text, a tuple a list; a list of the source is not shared."""
    at, names = datetime(2026, 1, 1, tzinfo=UTC), ["a"]
    expected = {"at": "2026-01-01T00:00:00+00:00", "names": ["a"], "total": 1}
    assert part_of(Kept(at, ("a",)), View, total=1) == expected
    assert part_of({"at": at, "names": names, "total": 1}, View)["names"] is not names


def test_a_value_that_the_view_does_not_have_is_refused() -> None:
    """So is a field that the source does not have."""
    with pytest.raises(TypeError, match="View has no sum"):
        part_of(Kept(datetime.now(UTC), ()), View, sum=1)
    with pytest.raises(AttributeError, match="total"):
        part_of(Kept(datetime.now(UTC), ()), View)
    with pytest.raises(KeyError, match="at"):
        part_of({}, View)
