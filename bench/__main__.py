"""Run benchmark rows. `python -m bench [--rows a,b] [--json]`; exit status 1 unless every row reaches its mark."""

import argparse
import json
import sys
import time
from functools import partial

from rich.console import Console

from adapters.runtime.gc_tuning import tune_gc
from bench.comparison import report
from bench.comparison.comparison import ROUNDS, Comparison, Row, compare
from bench.comparison.control import Control
from bench.fixtures.environment import NotDurableError, bench_environment, database
from bench.rows import ALL


def run(rows: list[Row], progress: Console, rounds: int) -> tuple[list[Comparison], Control, list[str]]:
    """Run the rows on their own PostgreSQL; return the results, the control, and the rows that broke."""
    results: list[Comparison] = []
    broken: list[str] = []
    with bench_environment() as environment:
        control = Control(environment.folder, environment.route_port, environment.echo_port)
        for row in rows:
            began = time.monotonic()
            try:
                results += compare(row, partial(database, environment.postgres_port), control, rounds)
            except Exception:  # noqa: BLE001 - a row that breaks does not lose the minutes of the others
                progress.print_exception()
                broken.append(row.name)
            progress.print(f"{row.name}: {time.monotonic() - began:.0f} s")
    return results, control, broken


def chosen(names: str) -> list[Row]:
    """Return the rows with these names, separated by commas; all by default."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := set(wanted) - {row.name for row in ALL}:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(row.name for row in ALL)}")
    return [row for row in ALL if not wanted or row.name in wanted]


def main() -> None:
    """Parse the command line, run, save and show."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", default="", help="names of rows, separated by commas; all by default")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"with fewer than {ROUNDS} nothing is judged or saved"
    )
    options = parser.parse_args()
    tune_gc()  # as in production, for all sides
    try:
        results, control, broken = run(chosen(options.rows), Console(stderr=True), options.rounds)
    except NotDurableError as refused:
        sys.exit(f"refused: {refused}")
    if options.rounds >= ROUNDS:
        report.keep(results, control.samples)
    if options.json:
        print(json.dumps(report.document(results, control.samples), indent=2))  # noqa: T201 - the requested output
    else:
        report.show(results, control.samples)
    if broken:
        sys.exit(f"broken: {', '.join(broken)}")
    sys.exit(any(one.verdict in {"missed", "not judged"} for one in results))


if __name__ == "__main__":
    main()
