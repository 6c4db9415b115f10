"""Reports results: saved as JSON, in the table of docs/performance.md between its markers, and on the screen."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.comparison import history
from bench.comparison.comparison import ROUNDS, Comparison
from bench.comparison.control import Sample

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
COLUMNS = ("row", "ours", "", "against", "", "ratio", "mark", "verdict", "physical limit", "", "of it")
STYLES = {"reached": "green", "missed": "b red", "not judged": "yellow", "reported": "dim"}
SMALL = 100
WIDTH = 230


class Files(NamedTuple):
    """Where a run is kept: its results, the page with the table, the history of the rows and its plot."""

    results: Path
    page: Path
    history: Path
    plot: Path


FILES = Files(
    ROOT / "bench" / "results" / "comparisons.json",
    ROOT / "docs" / "performance.md",
    ROOT / "bench" / "results" / "history.jsonl",
    ROOT / "docs" / "img" / "bench-history.svg",
)


def number(figure: float | None) -> str:
    """Format a figure for people."""
    if figure is None:
        return ""
    return f"{figure:,.0f}" if figure >= SMALL else f"{figure:,.1f}"


def cells(one: Comparison) -> tuple[str, ...]:
    """Return the table cells of one comparison."""
    theirs = f"{one.theirs} ({one.theirs_note})" if one.theirs_note else one.theirs
    ratio = "" if one.ratio is None else f"{one.ratio:,.2f}"
    ours = f"{number(one.ours_figure)} {one.unit}"
    their_figure = "" if one.theirs_figure is None else f"{number(one.theirs_figure)} {one.unit}"
    limit = "" if one.limit_figure is None else f"{number(one.limit_figure)} {one.unit}"
    share = "" if one.share is None else f"{one.share:.1%}"
    compared = (f"{one.ours} ({one.ours_note})", ours, theirs, their_figure, ratio, one.mark, one.verdict)
    return (one.row, *compared, one.limit, limit, share)


def show(results: Sequence[Comparison], control: Sequence[Sample]) -> None:
    """Print the table."""
    table = Table(title=f"medians of {ROUNDS} interleaved rounds, {os.cpu_count()} cores")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for one in results:
        table.add_row(*cells(one), style=STYLES[one.verdict])
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)
    console.print(control_summary(control))


def control_summary(control: Sequence[Sample]) -> str:
    """Return a line with the control's range."""
    syncs = sorted(sample.fdatasync_per_second for sample in control)
    routes = sorted(sample.empty_route_per_second for sample in control)
    trips = sorted(sample.round_trips_per_second for sample in control)
    return (
        f"Control: {number(syncs[0])} to {number(syncs[-1])} fdatasync/s,"
        f" {number(routes[0])} to {number(routes[-1])} answers/s of an empty route,"
        f" {number(trips[0])} to {number(trips[-1])} loopback round trips/s."
    )


def document(results: Sequence[Comparison], control: Sequence[Sample]) -> dict[str, Any]:
    """Return all measurements as JSON."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rounds": ROUNDS,
        "control": [sample._asdict() for sample in control],
        "results": [asdict(one) for one in results],
    }


def keep(results: Sequence[Comparison], control: Sequence[Sample], files: Files = FILES) -> None:
    """Save the results, append them to the history, and write table and plot; other rows keep their last result."""
    known = json.loads(files.results.read_text())["results"] if files.results.exists() else []
    ran = {one.row for one in results}
    kept = [Comparison(**one) for one in known if one["row"] not in ran]
    together = sorted([*kept, *results], key=lambda one: one.row)
    files.results.write_text(json.dumps(document(together, control), indent=2) + "\n")
    history.append(history.line_of(document(results, control)), files.history)
    files.plot.write_text(history.draw(history.read(files.history)))
    page = files.page.read_text()
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    files.page.write_text(f"{before}{BEGIN}\n{markdown(together)}\n{control_summary(control)}\n{END}{after}")


def markdown(results: Sequence[Comparison]) -> str:
    """Return the table in Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|--:|---|--:|--:|--:|---|---|--:|--:|"]
    lines += [f"| {' | '.join(cells(one))} |" for one in results]
    return "\n".join(lines) + "\n"
