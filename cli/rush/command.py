"""`boxoffice rush`: rehearse an on-sale on a real stack, and judge the result."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.table import Table

from cli.buyer import ApiClient, DemoFailedError
from cli.checks.reconciliation import Report, reconcile
from cli.command import UnreadableError
from cli.extras import require
from cli.rush.rehearsal import ANSWERS, HELD, NONE, SOLD_OUT, Rush, Tally, percentiles
from devstack.stack import Stack, StackFailedError, running_stack
from devstack.supervisor.data_dir import STACK_FILE
from settings.check import settings_of

SANDBOX = "BOXOFFICE_WORKER__SANDBOX"
PRICE_MINOR = 4_500
HOLD_SECONDS = 3_600
READY_SECONDS = 60.0
REST_SECONDS = 90.0
FRAMES_PER_SECOND = 4
LINE_SECONDS = 5.0


def rush(
    buyers: Annotated[int, typer.Option(min=1, help="number of buyers who buy at once")] = 5_000,
    seats: Annotated[int, typer.Option(min=1, help="number of seats")] = 500,
    data_dir: Annotated[
        Path | None, typer.Option(help="folder of a running `boxoffice up`; without it, a new stack is started")
    ] = None,
    png: Annotated[Path, typer.Option(help="file of the chart")] = Path("rush.png"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document at the end")] = False,
) -> None:
    """Let buyers rush for seats.

    Exit code 0: all were answered, each seat is sold once, and the invariants hold.
    """
    require("rush", "rush")
    if data_dir is None:
        require("devstack", "rush")
    from cli.rush.chart import draw  # needs the extra `rush`

    tally = Tally(buyers, seats)
    console = Console(stderr=as_json)
    try:
        stock, report = uvloop.run(_rehearse(tally, data_dir, console))
    except (DemoFailedError, StackFailedError, UnreadableError, httpx.HTTPError) as failure:
        typer.echo(f"boxoffice rush: {type(failure).__name__}: {failure}", err=True)
        raise typer.Exit(2) from None
    draw(tally.answers, f"{buyers:,} buyers, {seats:,} seats", png)
    wrong = faults(tally, stock, report)
    console.print(final_table(tally))
    console.print(f"chart: {png}")
    for fault in wrong:
        console.print(f"[b red]fault[/] {fault}", highlight=False)
    console.print("no faults" if not wrong else f"{len(wrong)} faults")
    if as_json:
        typer.echo(json.dumps(document(tally, stock, report, wrong), indent=2))
    raise typer.Exit(bool(wrong))


async def _rehearse(tally: Tally, data_dir: Path | None, console: Console) -> tuple[dict[str, Any], Report]:
    if data_dir is not None:
        if not (data_dir / STACK_FILE).exists():
            raise StackFailedError(f"no running stack in {data_dir}")
        return await _rush_at(Stack(data_dir, 0), tally, console)
    with tempfile.TemporaryDirectory(prefix="boxoffice-rush-") as folder:
        async with running_stack(Path(folder), env=as_production(os.environ)) as stack:
            return await _rush_at(stack, tally, console)


def as_production(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings in which a stack for development differs from production and costs more (decision 0085)."""
    return {SANDBOX: given.get(SANDBOX, "none")}


async def _rush_at(stack: Stack, tally: Tally, console: Console) -> tuple[dict[str, Any], Report]:
    async with httpx.AsyncClient(base_url=stack.urls["api"], headers=stack.key, timeout=30) as http:
        api = ApiClient(http)
        show = await _open_show(api, tally.seats)
        console.print(f"{tally.buyers:,} buyers for {tally.seats:,} seats of show {show['show_id']}", highlight=False)
        showing = asyncio.create_task(_show(tally, console))
        try:
            await Rush(stack, stack.publishable_key, show, tally).run()
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
        report = await _at_rest(stack, tally)
        stock = (await api.get(f"/api/v1/shows/{show['show_id']}"))["ticket_types"][0]
    return stock, report


async def _open_show(api: ApiClient, seats: int) -> dict[str, Any]:
    """Put a new show on sale."""
    name = f"rush-{time.time_ns()}"
    floor = {"name": "Floor", "price_minor": PRICE_MINOR, "capacity": seats}
    show = {"name": "Rush", "currency": "eur", "ticket_types": [floor], "hold_seconds": HOLD_SECONDS}
    made = await api.announce("Rush Hall", show, name)
    return await api.on_sale(made["show_id"], READY_SECONDS)


async def _at_rest(stack: Stack, tally: Tally) -> Report:
    """Repeat the reconciliation until every purchase is judged: Temporal lists ended workflows with a delay."""
    settings, until = settings_of("reconcile", given=stack.env), time.monotonic() + REST_SECONDS
    while True:
        report = await reconcile(settings, lambda _: None)
        left = set(tally.purchase_ids) - report.stillness.judged
        if not left or report.findings.violations or time.monotonic() > until:
            return report
        await asyncio.sleep(1)


async def _show(tally: Tally, console: Console) -> None:
    """Show the progress until cancelled: a live table in a terminal, lines elsewhere."""
    if not console.is_terminal:
        while True:
            await asyncio.sleep(LINE_SECONDS)
            console.print(line(tally), highlight=False)
    with Live(console=console, refresh_per_second=FRAMES_PER_SECOND, transient=True) as live:
        while True:
            live.update(final_table(tally))
            await asyncio.sleep(1 / FRAMES_PER_SECOND)


def line(tally: Tally) -> str:
    """Return the progress as one line."""
    answers = ", ".join(f"{number:,} {kind}" for kind, number in tally.kinds.items())
    return f"{tally.seconds:5.0f} s  {answers}; {tally.opened:,} paid, {tally.ends['fulfilled']:,} fulfilled"


def final_table(tally: Tally) -> Table:
    """Return the results as a table."""
    table = Table(title=f"{tally.buyers:,} buyers, {tally.seats:,} seats, {tally.seconds:.0f} s")
    for column in ("answer", "buyers", "p50", "p99", "last after"):
        table.add_column(column, justify="left" if column == "answer" else "right")
    for kind in ANSWERS:
        found = [answer for answer in tally.answers if answer.kind == kind]
        middle, late = percentiles([answer.took for answer in found]) if found else (0.0, 0.0)
        last = max((answer.at for answer in found), default=0.0)
        table.add_row(kind, f"{len(found):,}", _ms(middle), _ms(late), f"{last:.1f} s")
    table.add_section()
    table.add_row("paid", f"{tally.opened:,}", "", "", "")
    for end, number in tally.ends.items():
        times = sorted(tally.fulfilled_at) if end == "fulfilled" else []
        table.add_row(end, f"{number:,}", "", "", f"{times[-1]:.1f} s" if times else "")
    return table


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:,.0f} ms"


def faults(tally: Tally, stock: dict[str, Any], report: Report) -> list[str]:
    """Return the faults of a rush, one text each."""
    sold = min(tally.buyers, tally.seats)
    kinds = tally.kinds
    left = set(tally.purchase_ids) - report.stillness.judged
    wanted: Sequence[tuple[str, int, int]] = (
        ("buyers who got a seat", kinds[HELD], sold),
        ("buyers who were refused as sold out", kinds[SOLD_OUT], tally.buyers - sold),
        ("buyers without an answer", kinds[NONE], 0),
        ("fulfilled purchases", tally.ends["fulfilled"], sold),
        ("seats sold in the show's stock", stock["sold"], sold),
        ("seats still held", stock["held"], 0),
        ("seats sold beyond the capacity", max(0, stock["sold"] + stock["held"] - tally.seats), 0),
        ("purchases not at rest", len(left), 0),
        ("broken invariants", len(report.findings.violations), 0),
    )
    differences = [f"{name}: {found:,}, expected {number:,}" for name, found, number in wanted if found != number]
    broken = (f"{found.invariant}: {found.subject}: {found.detail}" for found in report.findings.violations)
    return [*differences, *broken]


def document(tally: Tally, stock: dict[str, Any], report: Report, wrong: Sequence[str]) -> dict[str, Any]:
    """Return the document of `--json`."""
    answers = {}
    for kind in ANSWERS:
        took = [answer.took for answer in tally.answers if answer.kind == kind]
        middle, late = percentiles(took) if took else (None, None)
        answers[kind] = {"buyers": len(took), "p50_seconds": middle, "p99_seconds": late}
    return {
        "ok": not wrong,
        "wrong": list(wrong),
        "buyers": tally.buyers,
        "seats": tally.seats,
        "told": answers,
        "asked_again": tally.retries,
        "ends": dict(tally.ends),
        "answered_after_seconds": max((answer.at for answer in tally.answers), default=None),
        "fulfilled_after_seconds": max(tally.fulfilled_at, default=None),
        "stock": stock,
        "invariants_checked": sum(report.findings.checked.values()),
        "purchases_at_rest": len(set(tally.purchase_ids) & set(report.stillness.judged)),
    }
