"""`boxoffice reconcile`: read every system and check the invariants."""

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from adapters.telemetry.loop import serve_loop
from adapters.telemetry.reconciled import Reconciled
from cli.checks.reconciliation import Book, Report, Say, reconcile
from cli.command import AsJson, DataDir, UnreadableError, ends_at, first_of, settings_at
from domain.invariants.invariant import INVARIANTS
from settings import Settings

WHOLE, BROKEN, UNREADABLE = 0, 1, 2
WHOLE_SECONDS = 24 * 3600.0  # after so long all events are read again: that none was changed is known of those read


def command(
    data_dir: DataDir = None,
    every: Annotated[
        float | None, typer.Option(min=1, help="keep running, and look again after so many seconds")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="with --every: port of metrics and probes")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare events, Stripe, chain and engine.

    Exit code 0: all invariants hold; 1: one is broken; 2: not readable.

    With --every it does so until SIGTERM or SIGINT, and shows the differences as metrics.
    """
    with ends_at(UnreadableError, command="reconcile", code=UNREADABLE):
        settings = settings_at(data_dir, "reconcile")
        if every is not None:
            asyncio.run(watch(settings, every, metrics_port))
            return
        report = asyncio.run(reconcile(settings, lambda text: typer.echo(f"reading {text}", err=True)))
    if as_json:
        typer.echo(json.dumps(document(report), indent=2))
    else:
        picture(report)
    raise typer.Exit(BROKEN if report.findings.violations else WHOLE)


async def watch(
    settings: Settings,
    every_seconds: float,
    metrics_port: int | None,
    read: Callable[[Settings, Say, Book], Coroutine[Any, Any, Report]] = reconcile,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Reconcile at an interval until SIGTERM or SIGINT; what could not be read is said, and read again.

    A look reads the events since the one before; once a day, and after a look that failed, it reads all of them.

    Each reading has a thread of its own: one of many events would hold the loop for longer than a probe waits.
    """
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    shown = Reconciled(invariant.name for invariant in INVARIANTS)
    book, begun = Book(), clock()
    async with AsyncExitStack() as closing:
        serve_loop(closing, settings.telemetry.host, metrics_port, _always, None)
        while not stopping.is_set():
            if clock() - begun >= WHOLE_SECONDS:
                book, begun = Book(), clock()
            try:
                tell(await asyncio.to_thread(asyncio.run, read(settings, _silent, book)), shown)
            except UnreadableError as reason:
                typer.echo(f"boxoffice reconcile: {reason}", err=True)
                book, begun = Book(), clock()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_seconds):
                    await stopping.wait()


def tell(report: Report, shown: Reconciled) -> None:
    """Show a report as metrics, and print each violation."""
    broken = Counter(violation.invariant for violation in report.findings.violations)
    shown.show(report.findings.unexplained_minor, {one.name: broken[one.name] for one in INVARIANTS})
    for violation in report.findings.violations:
        typer.echo(f"{violation.invariant}: {violation.subject}: {violation.detail}", err=True)


async def _always() -> None:
    """Be ready: a system that cannot be read is a metric's age, not a reason to send no work."""


def _silent(_: str) -> None:
    """Say nothing of the progress."""


def document(report: Report) -> dict[str, Any]:
    """Return the document of `--json`."""
    still = report.stillness
    broken = [violation._asdict() for violation in report.findings.violations]
    invariants = [
        {
            **invariant._asdict(),
            "checked": report.findings.checked[invariant.name],
            "violations": [found for found in broken if found["invariant"] == invariant.name],
        }
        for invariant in INVARIANTS
    ]
    return {
        "whole": not broken,
        "invariants": invariants,
        "read": {
            "position": report.position, "events": report.events, "commits": report.commits,
            "payments": report.payments, "foreign_payments": report.foreign, "tokens": report.tokens,
        },
        "at_rest": len(still.judged),
        "not_judged": {
            "open": sorted(still.open), "changing": sorted(still.moving), "at_work": sorted(still.at_work),
        },
    }  # fmt: skip


def picture(report: Report) -> None:
    """Print the report as plain lines."""
    findings, still = report.findings, report.stillness
    for invariant in INVARIANTS:
        found = [violation for violation in findings.violations if violation.invariant == invariant.name]
        sign = "BROKEN" if found else "holds" if findings.checked[invariant.name] else "-"
        print(f"{sign:<7} {invariant.name:<26} {findings.checked[invariant.name]:>9} checked  {invariant.sentence}")
        for violation in found:
            print(f"        {violation.subject}: {violation.detail}")
    print(
        f"read: {report.events} events in {report.commits} transactions, up to position {report.position};"
        f" {report.payments} payments ({report.foreign} not ours); {report.tokens} tokens"
    )
    print(
        f"judged at rest: {len(still.judged)} purchases and outside holds; cross-system invariants are judged only for"
        " subjects that have ended and did not change during the reading"
    )
    for reason, subjects in (
        ("unfinished", still.open),
        ("changed during the reading", still.moving),
        ("in progress", still.at_work),
    ):
        if subjects:
            print(f"not judged, {reason}: {first_of(sorted(subjects))}")
    print("whole" if not findings.violations else f"{len(findings.violations)} violations")
