"""The history of the rows, its plot and the table of the page say the same."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from bench.comparison import history, report
from bench.comparison.comparison import Comparison, Row
from bench.rows import ALL

SVG = "{http://www.w3.org/2000/svg}"
LINES = history.read(report.FILES.history)
PLOT = report.FILES.plot


def stored() -> list[Comparison]:
    """Return the stored results."""
    return [Comparison(**one) for one in json.loads(report.FILES.results.read_text())["results"]]


def points_of(plot: str) -> Iterator[tuple[str, str, str]]:
    """Yield what the points of a plot say, each with the two titles of its panel."""
    drawn = ET.fromstring(plot)  # noqa: S314 - our own file
    for panel in drawn.iter(f"{SVG}g"):
        row, theirs = (text.text or "" for text in list(panel.iter(f"{SVG}text"))[:2])
        for point in panel.iter(f"{SVG}circle"):
            yield row, theirs, point.findtext(f"{SVG}title") or ""


def test_the_plot_is_drawn_from_the_history() -> None:
    """Every ratio of every line is a point of the plot, and there are no others."""
    assert PLOT.read_text() == history.draw(LINES), "python -m bench draws it; so does history.draw"
    ratios = sorted(
        (row, f"{line['measured_at'][:10]}, {line['version']}: {against['ratio']:.2f}")
        for line in LINES
        for row, measured in line["rows"].items()
        for against in measured["against"].values()
    )
    assert ratios
    assert sorted((row, said) for row, _, said in points_of(PLOT.read_text())) == ratios
    assert f"](img/{PLOT.name})" in report.FILES.page.read_text()


def test_the_newest_line_of_a_row_is_its_stored_result() -> None:
    """A figure of the table is the last one of the history."""
    newest = {row: measured for line in LINES for row, measured in line["rows"].items()}
    assert {one.row: one.ours_figure for one in stored()} == {row: one["figure"] for row, one in newest.items()}


def test_lines_are_in_the_order_of_their_runs() -> None:
    """The file is only ever appended to."""
    times = [line["measured_at"] for line in LINES]
    assert times == sorted(times)


def test_the_table_of_the_page_is_that_of_the_stored_results() -> None:
    """Nobody has edited either by hand, and no row that is gone is left in it."""
    page = report.FILES.page.read_text()
    assert report.markdown(stored()) in page
    assert {one.row for one in stored()} <= {row.name for row in ALL}


def test_a_plot_moves_with_its_figures() -> None:
    """A better ratio is drawn higher, a missed mark below its line."""
    lines = [
        {"measured_at": f"2026-0{month}-01", "version": "1", "rows": {"row": {"against": {"theirs": against}}}}
        for month, against in ((1, {"ratio": 1.0, "mark": "≥ 2"}), (2, {"ratio": 3.0, "mark": "≥ 2"}))
    ]
    drawn = ET.fromstring(history.draw(lines))  # noqa: S314 - our own text
    low, high = (float(point.get("cy", "")) for point in drawn.iter(f"{SVG}circle"))
    mark = float((next(drawn.iter(f"{SVG}path")).get("d") or "").partition(" ")[2].partition("h")[0])
    assert high < mark < low


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_every_row_names_its_limit(row: Row) -> None:
    """A row has a limit of one of the four kinds."""
    assert any(word in row.limit.name for word in ("fdatasync", "round trip", "JSON", "processor time"))
