"""Front door of the bench. `python -m bench [--rows a,b] [--json]`; exits 1 unless every mark is reached."""

import argparse
import json
import sys
import time
from functools import partial

from rich.console import Console

from adapters.runtime.gc_tuning import tune_gc
from bench import report
from bench.contest import ROUNDS, Compared, Row, hold
from bench.control import Control
from bench.rows import ALL
from bench.world import NotDurableError, bench_world, database


def run(rows: list[Row], progress: Console, rounds: int) -> tuple[list[Compared], Control]:
    """Run the rows on a PostgreSQL of their own."""
    results: list[Compared] = []
    with bench_world() as (folder, postgres_port, route_port):
        control = Control(folder, route_port)
        for row in rows:
            began = time.monotonic()
            results += hold(row, partial(database, postgres_port), control, rounds)
            progress.print(f"{row.name}: {time.monotonic() - began:.0f} s")
    return results, control


def chosen(names: str) -> list[Row]:
    """Return the rows of these names, separated by commas; all when there is none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := set(wanted) - {row.name for row in ALL}:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(row.name for row in ALL)}")
    return [row for row in ALL if not wanted or row.name in wanted]


def main() -> None:
    """Read the command line, run, keep and show."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", default="", help="names of rows, separated by commas; all by default")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"with fewer than {ROUNDS} nothing is judged or kept"
    )
    options = parser.parse_args()
    tune_gc()  # as in production, and so for all sides
    try:
        results, control = run(chosen(options.rows), Console(stderr=True), options.rounds)
    except NotDurableError as refused:
        sys.exit(f"refused: {refused}")
    if options.rounds >= ROUNDS:
        report.keep(results, control.taken)
    if options.json:
        print(json.dumps(report.document(results, control.taken), indent=2))  # noqa: T201 - what was asked for
    else:
        report.show(results, control.taken)
    sys.exit(any(one.verdict in {"missed", "not judged"} for one in results))


if __name__ == "__main__":
    main()
