"""`boxoffice audit`: draw the tables of the audit from this code, and name every missing edge."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.checks.audit.model import STORE, Collected, Missing, Step, missing, readers, recorders
from cli.command import AsJson

WHOLE, BROKEN = 0, 1
WIDTH = 220
CELL_LINES_MAX = 8


def audit(
    context: typer.Context,
    *,
    as_json: AsJson = False,
    brief: Annotated[bool, typer.Option("--brief", help="print the missing edges and the totals, no tables")] = False,
) -> None:
    """Draw each step's way from this code.

    Exit code 0: no edge is missing; 1: one is.

    The way: step, activity, queue, worker, external call, undo, event, projection, route, test.
    """
    from cli.checks.audit.collect import collect  # it imports the whole product

    found = collect(context.find_root().command)
    lacking = missing(found)
    if as_json:
        print(json.dumps(document(found, lacking), indent=2))
    else:
        picture(found, lacking, Console(width=WIDTH), brief=brief)
    raise typer.Exit(BROKEN if lacking else WHOLE)


def document(found: Collected, lacking: Iterable[Missing]) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "missing": [one._asdict() for one in lacking],
        "steps": [dict(zip(STEP_COLUMNS, step_row(found, step), strict=True)) for step in found.steps],
        "events": [dict(zip(EVENT_COLUMNS, event_row(found, topic), strict=True)) for topic in found.events],
        "routes": [dict(zip(ROUTE_COLUMNS, route_row(found, at), strict=True)) for at in range(len(found.routes))],
    }


STEP_COLUMNS = ("step", "activity", "queue", "worker", "external_call", "undo", "events", "test")
EVENT_COLUMNS = ("event", "recorded_by", "projection", "read_by")
ROUTE_COLUMNS = ("route", "handlers", "workflows", "test")
Cell = str | list[str] | None


def step_row(found: Collected, step: Step) -> list[Cell]:
    """Return the row of a step; None is a missing edge."""
    name = f"{step.workflow}.{step.place}"
    one = found.activities.get(step.activity)
    if one is None:
        return [name, None, None, None, None, None, None, None]
    calls = [f"{call.system}: {call.method}" for call in one.calls if call.system != STORE]
    undo: Cell = "forward only" if step.forward_only or step.undos is None else list(step.undos)
    undo = "is an undo" if step.is_undo else undo
    tests = [] if found.tests is None else list(found.tests.get(step.activity, ()))
    workers = [queue for queue in one.queues if queue in one.workers]
    return [name, one.name, list(one.queues), workers or None, calls, undo or None, sorted(one.events), tests]


def event_row(found: Collected, topic: str) -> list[Cell]:
    """Return the row of an event."""
    event = found.events[topic]
    tables: Cell = sorted(event.tables) or ("none: declared" if event.is_unfolded else None)
    read = sorted({reader for table in event.tables for reader in readers(found, table)})
    return [topic, recorders(found, topic) or None, tables, read or (None if event.tables else [])]


def route_row(found: Collected, at: int) -> list[Cell]:
    """Return the row of a route."""
    route = found.routes[at]
    tests = [] if found.tests is None else list(found.tests.get(route.name, ()))
    return [route.name, sorted(route.handlers), sorted(route.workflows), tests]


def picture(found: Collected, lacking: list[Missing], console: Console, *, brief: bool) -> None:
    """Print the tables, then each missing edge, then the totals."""
    if not brief:
        rows = [step_row(found, step) for step in found.steps]
        _table(console, "Steps of the workflows", STEP_COLUMNS, rows)
        _table(console, "Events", EVENT_COLUMNS, [event_row(found, topic) for topic in found.events])
        _table(console, "Routes", ROUTE_COLUMNS, [route_row(found, at) for at in range(len(found.routes))])
    for one in lacking:
        console.print(f"[red]missing[/red] {one.edge:<26} {one.subject}: {one.why}", soft_wrap=True, highlight=False)
    console.print(
        f"{len(found.steps)} steps, {len(found.activities)} activities, {len(found.events)} events,"
        f" {len(found.routes)} routes: {len(lacking) or 'no'} edges missing",
        highlight=False,
    )
    if found.tests is None:
        console.print("the source of the tests is not here: whether each is tested was not judged")


def _table(console: Console, title: str, columns: Iterable[str], rows: Iterable[list[Cell]]) -> None:
    table = Table(*(column.replace("_", " ") for column in columns), title=title, title_justify="left", show_lines=True)
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console.print(table)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "[red]missing[/red]"
    if isinstance(cell, str):
        return cell
    rest = [f"and {len(cell) - CELL_LINES_MAX} more"] if len(cell) > CELL_LINES_MAX else []
    return "\n".join(cell[:CELL_LINES_MAX] + rest)
