"""The geometry of plots: columns over time, and bars that are divided; a template draws them as SVG.

Text is never part of a drawing: it stands beside it, so that it keeps its size on every screen.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.views.catalog import SalesSum, SalesUnit

HEIGHT, WIDTH = 100, 1_000
COLUMN, GAP = 10, 1
FEW_DAYS = 3  # so few are told by the hour
FEW_COLUMNS = 8  # so few are drawn narrower: a single one would be as wide as the page


class Column(NamedTuple):
    """One period: its label, its value, and its rectangle in a drawing that is 100 high."""

    label: str
    value: int
    x: int
    y: float
    height: float


class Part(NamedTuple):
    """A part of a bar: its kind (the class that colours it), label and value, and its place in a width of 1000."""

    kind: str
    label: str
    value: int
    x: float
    width: float


class Bar(NamedTuple):
    """A bar, divided into parts."""

    label: str
    parts: list[Part]
    total: int


class SalesPlot(NamedTuple):
    """Columns of tickets over time; `most` is the highest, and `width` that of the drawing."""

    columns: list[Column]
    most: Column | None
    width: int

    @property
    def are_few(self) -> bool:
        """Whether the drawing is narrow."""
        return len(self.columns) <= FEW_COLUMNS

    @property
    def total(self) -> int:
        """The tickets of all columns."""
        return sum(column.value for column in self.columns)


def unit_for(days: Sequence[SalesSum]) -> SalesUnit:
    """Return the periods in which sales are read best, given those by the day."""
    if not days:
        return "day"
    first, last = (datetime.fromisoformat(days[place]["at"]) for place in (0, -1))
    return "hour" if last - first < timedelta(days=FEW_DAYS) else "day"


def sales_plot(sales: Sequence[SalesSum], unit: SalesUnit, zone: str) -> SalesPlot:
    """Return the columns from the first period with a sale to the last; those between them without one are empty."""
    tickets = {datetime.fromisoformat(one["at"]): one["tickets"] for one in sales}
    places = ZoneInfo(zone or "UTC")
    most = max(tickets.values(), default=0)
    columns = []
    for number, at in enumerate(_periods(min(tickets), max(tickets), unit, places) if tickets else ()):
        height = HEIGHT * tickets.get(at, 0) / most
        label = label_of(at, unit, places)
        columns.append(Column(label, tickets.get(at, 0), number * COLUMN + GAP, HEIGHT - height, height))
    highest = max(columns, key=lambda column: column.value, default=None)
    return SalesPlot(columns, highest, max(1, len(columns)) * COLUMN)


def label_of(at: datetime, unit: SalesUnit, zone: ZoneInfo) -> str:
    """Return a period as people read it: Mon 30 Nov, or Mon 30 Nov, 20:00."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}" + (f", {local:%H:%M}" if unit == "hour" else "")


def _periods(first: datetime, last: datetime, unit: SalesUnit, zone: ZoneInfo) -> list[datetime]:
    """Return the starts of all periods; a day has the length that its zone gives it."""
    if unit == "hour":
        return [first + timedelta(hours=number) for number in range((last - first) // timedelta(hours=1) + 1)]
    begin, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    days = [begin + timedelta(days=number) for number in range((end - begin).days + 1)]
    return [datetime.combine(day, time.min, zone) for day in days]


def bar(label: str, values: Sequence[tuple[str, str, int]], whole: int = 0) -> Bar:
    """Return a bar of parts (kind, label, value); it is as long as the width where its sum is `whole`, or without one.

    A negative part has no length.
    """
    total = sum(value for *_, value in values)
    longest = max(whole, sum(max(value, 0) for *_, value in values), 1)
    parts, x = [], 0.0
    for kind, name, value in values:
        width = WIDTH * max(value, 0) / longest
        parts.append(Part(kind, name, value, round(x, 2), round(width, 2)))
        x += width
    return Bar(label, parts, total)
