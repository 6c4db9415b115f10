"""The history of the rows: one line of JSON for each judged run, only ever appended, and its plot as SVG."""

import json
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

COLUMNS, WIDTH, HEIGHT, MARGIN, HEAD = 4, 250, 120, 14, 34
INK, PALE, OURS, MARK = "#263238", "#eceff1", "#1565c0", "#ad1457"
TITLE_LETTERS = 42


class Point(NamedTuple):
    """A ratio of one run; `run` is the number of its line."""

    run: int
    ratio: float
    said: str


class Panel(NamedTuple):
    """One row beside one baseline, over the runs that measured it; `mark` is the newest one, as text."""

    row: str
    theirs: str
    mark: str
    points: list[Point]


def line_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a run, from its document: medians of the control, and each row's figure and ratios."""
    control = document["control"]
    rows: dict[str, Any] = {}
    for one in document["results"]:
        row = rows.setdefault(one["row"], {"unit": one["unit"], "figure": one["ours_figure"], "against": {}})
        if one.get("share") is not None:
            row["limit"] = {"name": one["limit"], "figure": one["limit_figure"], "share": one["share"]}
        if one["ratio"] is not None:
            row["against"][one["theirs"]] = {"ratio": one["ratio"], "mark": one["mark"]}
    return {
        "measured_at": document["measured_at"],
        "version": version("boxoffice"),
        "cores": document["cores"],
        "control": {name: median(sample[name] for sample in control) for name in (control[0] if control else ())},
        "rows": rows,
    }


def append(line: dict[str, Any], file: Path) -> None:
    """Append the line of a run."""
    with file.open("a") as history:
        history.write(json.dumps(line) + "\n")


def read(file: Path) -> list[dict[str, Any]]:
    """Return the lines, oldest first."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def panels_of(lines: Sequence[dict[str, Any]]) -> list[Panel]:
    """Return the panels of a plot, by name."""
    found: dict[tuple[str, str], Panel] = {}
    for run, line in enumerate(lines):
        for row, measured in line["rows"].items():
            for theirs, against in measured["against"].items():
                before = found.get((row, theirs))
                said = f"{line['measured_at'][:10]}, {line['version']}: {against['ratio']:.2f}"
                points = [*(before.points if before else ()), Point(run, against["ratio"], said)]
                found[row, theirs] = Panel(row, theirs, against["mark"], points)
    return [found[key] for key in sorted(found)]


def draw(lines: Sequence[dict[str, Any]]) -> str:
    """Return the plot: a panel for each row and baseline, its ratio over the runs, and its mark as a line."""
    panels = panels_of(lines)
    deep = -(-len(panels) // COLUMNS)
    drawn = [_panel(panel, number, max(1, len(lines) - 1)) for number, panel in enumerate(panels)]
    width, height = COLUMNS * WIDTH, max(1, deep) * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="sans-serif" font-size="10" fill="{INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{"".join(drawn)}</svg>\n'
    )


def _panel(panel: Panel, number: int, last_run: int) -> str:
    left, top = number % COLUMNS * WIDTH + MARGIN, number // COLUMNS * HEIGHT + HEAD
    width, height = WIDTH - 2 * MARGIN, HEIGHT - HEAD - MARGIN
    mark = float(panel.mark.split()[1]) if panel.mark else 0.0
    most = 1.1 * max(mark, *(point.ratio for point in panel.points))
    at = [(left + width * one.run / last_run, top + height * (1 - one.ratio / most)) for one in panel.points]
    parts = [
        f'<text x="{left}" y="{top - 18}" font-weight="700">{escape(panel.row)}</text>',
        f'<text x="{left}" y="{top - 6}">{escape(_short(panel.theirs))}</text>',
        f'<text x="{left + width}" y="{top - 18}" text-anchor="end">{panel.points[-1].ratio:.2f} {panel.mark}</text>',
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{PALE}"/>',
    ]
    if panel.mark:
        y = top + height * (1 - mark / most)
        dashed = f'stroke="{MARK}" stroke-dasharray="4 3"'
        parts.append(f'<path d="M{left} {y:.1f}h{width}" {dashed}><title>{panel.mark}</title></path>')
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="1.5"/>')
    for (x, y), point in zip(at, panel.points, strict=True):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{OURS}"><title>{escape(point.said)}</title></circle>'
        )
    return f'<g id="panel{number}">\n' + "\n".join(parts) + "\n</g>\n"


def _short(text: str) -> str:
    return text if len(text) <= TITLE_LETTERS else f"{text[: TITLE_LETTERS - 1]}…"
