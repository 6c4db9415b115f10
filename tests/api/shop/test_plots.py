"""The geometry of plots: what is drawn is in proportion, and no period is left out."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from api.shop.venue.figures import months_of
from api.shop.venue.plots import COLUMN, HEIGHT, WIDTH, bar, sales_plot, unit_for
from domain.views.catalog import SalesSum


def sold(at: str, tickets: int) -> SalesSum:
    return {"at": at, "orders": 1, "tickets": tickets, "total_minor": 100 * tickets}


def test_days_without_sales_are_empty_columns() -> None:
    """Each column is as high as its part of the highest, and stands on the ground."""
    sales = [sold("2026-11-28T00:00:00+00:00", 4), sold("2026-12-01T00:00:00+00:00", 8)]
    plot = sales_plot(sales, "day", "")
    assert [(one.label, one.value) for one in plot.columns] == [
        ("Sat 28 Nov", 4),
        ("Sun 29 Nov", 0),
        ("Mon 30 Nov", 0),
        ("Tue 1 Dec", 8),
    ]
    assert [one.height for one in plot.columns] == [HEIGHT / 2, 0, 0, HEIGHT]
    assert all(one.y + one.height == HEIGHT for one in plot.columns)
    assert plot.columns[-1].x + COLUMN <= plot.width + 1
    assert (plot.total, plot.most) == (12, plot.columns[-1])


def test_a_day_is_as_long_as_its_zone_makes_it() -> None:
    """In Berlin the summer time ends on 25 October: that day has 25 hours, and each day one column."""
    sales = [sold("2026-10-23T22:00:00+00:00", 1), sold("2026-10-25T23:00:00+00:00", 2)]
    plot = sales_plot(sales, "day", "Europe/Berlin")
    assert [(one.label, one.value) for one in plot.columns] == [
        ("Sat 24 Oct", 1),
        ("Sun 25 Oct", 0),
        ("Mon 26 Oct", 2),
    ]
    assert plot.total == 3


def test_few_days_are_told_by_the_hour() -> None:
    """Three days or more by the day; the hours between are columns too."""
    assert unit_for([]) == "day"
    assert unit_for([sold("2026-11-28T00:00:00+00:00", 1)]) == "hour"
    assert unit_for([sold(f"2026-11-{day}T00:00:00+00:00", 1) for day in (27, 30)]) == "day"
    plot = sales_plot([sold(f"2026-11-28T{hour}:00:00+00:00", 1) for hour in ("09", "12")], "hour", "Europe/Berlin")
    assert [one.label for one in plot.columns][::3] == ["Sat 28 Nov, 10:00", "Sat 28 Nov, 13:00"]
    assert [one.value for one in plot.columns] == [1, 0, 0, 1]


def test_nothing_sold_is_nothing_drawn() -> None:
    """The page says so in words."""
    assert sales_plot([], "day", "")[:2] == ([], None)


@pytest.mark.parametrize(
    ("values", "whole", "widths"),
    [
        ((1, 3), 0, [WIDTH / 4, 3 * WIDTH / 4]),
        ((1, 3), 8, [WIDTH / 8, 3 * WIDTH / 8]),
        ((0, 0), 0, [0, 0]),
        ((-2, 4), 0, [0, WIDTH]),
    ],
)
def test_a_bar_is_divided_in_proportion(values: tuple[int, int], whole: int, widths: list[float]) -> None:
    """Its parts follow each other; a debt has no length, and is in the sum."""
    found = bar("b", [("sold", "Sold", values[0]), ("held", "Held", values[1])], whole)
    assert [part.width for part in found.parts] == widths
    assert found.parts[1].x == found.parts[0].x + found.parts[0].width
    assert found.total == sum(values)


def test_months_follow_each_other_back_to_the_first() -> None:
    """Over the turn of a year; the present month alone for a venue of today; two years at most."""
    now = datetime(2027, 2, 3, tzinfo=UTC)
    months = months_of(datetime(2026, 11, 30, 23, tzinfo=UTC), now, "")
    assert [month.key for month in months] == ["2027-02", "2027-01", "2026-12", "2026-11"]
    assert all(later.since == earlier.until for later, earlier in pairwise(months))
    assert [month.name for month in months_of(now, now, "")] == ["February 2027"]
    assert len(months_of(datetime(2000, 1, 1, tzinfo=UTC), now, "")) == 24


def test_a_month_is_on_the_clocks_of_the_venue() -> None:
    """At 23:30 UTC it is the next month in Berlin already, which began at 23:00 UTC."""
    now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    (month,) = months_of(now, now, "Europe/Berlin")
    assert (month.key, month.since.astimezone(UTC)) == ("2026-12", datetime(2026, 11, 30, 23, tzinfo=UTC))
