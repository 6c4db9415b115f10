"""The cost of a new purchase as the event store grows. `python -m bench.growth [--purchases 1000000]`.

With 1,000, 10,000 and so on purchases in the store it counts, for each purchase that holds a seat: processor time of
the API and of PostgreSQL, blocks of the event table and its indexes, bytes of PostgreSQL's log. Exit status 1 if one
grows: unlike the rate, they do not depend on a checkpoint or on what else the machine does.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from bench.fixtures.environment import bench_environment, database
from bench.fixtures.event_store import EVENTS_TABLE, open_store
from bench.fixtures.many_purchases import Copies, request_one
from bench.fixtures.show import open_show
from bench.load.http_client import Load, run
from bench.rows.on_sale import CONNECTIONS, HELD, load_of, run_api
from devstack.stack import ROOT

FIRST = 1_000
ROUNDS, REQUESTS = 3, 4_000
GROWTH_MAX = 1.25
MICROSECONDS = 1e6
COUNTED = (
    "SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read, pg_current_wal_lsn() - '0/0'::pg_lsn"
    " FROM pg_statio_user_tables WHERE relname = %s"
)
SIZES = "SELECT pg_table_size(%s), pg_indexes_size(%s)"
FLUSHED_SECONDS = 10.5  # a connection that is idle reports its counts after ten
RESULTS = ROOT / "bench" / "results" / "growth.json"


class Cost(NamedTuple):
    """The cost of one purchase: processor time in microseconds, blocks, bytes."""

    api_us: float
    postgres_us: float
    blocks: float
    log_bytes: float


class Counters:
    """Counts what API and PostgreSQL have used so far."""

    def __init__(self, api_pid: int, cluster: Path, connection: psycopg.Connection[Any]) -> None:
        self._api = psutil.Process(api_pid)
        self._postgres = psutil.Process(int((cluster / "postmaster.pid").read_text().split()[0]))
        self._connection = connection

    def begin(self) -> Cost:
        """Return the totals before the rounds; nothing is idle between processor time and the rounds."""
        stored = self._stored()
        return Cost(*self._worked(), *stored)

    def end(self) -> Cost:
        """Return the totals after the rounds."""
        return Cost(*self._worked(), *self._stored())

    def _worked(self) -> tuple[float, float]:
        """Return processor time; an ended backend counts in its parent's time of children."""
        api = sum(self._api.cpu_times()[:2])
        postgres = sum(sum(one.cpu_times()[:4]) for one in (self._postgres, *self._postgres.children()))
        return api * MICROSECONDS, postgres * MICROSECONDS

    def _stored(self) -> tuple[float, float]:
        """Return blocks and log bytes, once idle connections have reported theirs."""
        time.sleep(FLUSHED_SECONDS)
        ((blocks, log_bytes),) = self._connection.execute(COUNTED, (EVENTS_TABLE,)).fetchall()
        return float(blocks), float(log_bytes)


def measure(purchases: int) -> Iterator[dict[str, Any]]:
    """Yield the cost of a purchase at each power of ten of stored purchases, up to this number."""
    with _shop(purchases) as (copies, counters, load, connection):
        stored = FIRST
        while stored <= purchases:
            copies.fill(stored)
            before, rates = counters.begin(), [_held_per_second(load) for _ in range(ROUNDS)]
            passed = zip(counters.end(), before, strict=True)
            cost = Cost(*(round((now - then) / (ROUNDS * REQUESTS), 1) for now, then in passed))
            ((table, indexes),) = connection.execute(SIZES, (EVENTS_TABLE, EVENTS_TABLE)).fetchall()
            sizes = {"bytes_of_events": table, "bytes_of_indexes": indexes}
            yield {"purchases": stored, "held_per_second": round(median(rates)), **cost._asdict(), **sizes}
            stored *= 10


def _held_per_second(load: Load) -> float:
    answers = run(load, requests=REQUESTS)
    if set(answers.statuses) != {HELD}:
        raise RuntimeError(f"expected only {HELD}, got {dict(answers.statuses)}")
    return answers.per_second


@contextmanager
def _shop(purchases: int) -> Iterator[tuple[Copies, Counters, Load, psycopg.Connection[Any]]]:
    """Start a store with one purchase to copy, an API, and a show for those that are measured."""
    with bench_environment() as environment, database(environment.postgres_port) as url:
        with open_store(url) as store:
            asyncio.run(request_one(store))
            connection = psycopg.connect(url, autocommit=True)
            copies = Copies(connection)
            asyncio.run(open_show(store, len(str(purchases)) * (ROUNDS * REQUESTS + CONNECTIONS)))
        with connection, run_api(url) as (port, pid):
            load = load_of(port, "bench")
            run(load, requests=CONNECTIONS)
            yield copies, Counters(pid, environment.folder / "cluster", connection), load, connection


def grown(found: list[dict[str, Any]]) -> dict[str, float]:
    """Return what of a purchase's cost has grown by more than a quarter from the smallest store to the largest.

    Processor time is judged as a whole: PostgreSQL's part is a tenth of it, and too small to be measured alone.
    """
    first, last = ({**one, "processor_us": one["api_us"] + one["postgres_us"]} for one in (found[0], found[-1]))
    ratios = {name: last[name] / first[name] for name in ("processor_us", "blocks", "log_bytes")}
    return {name: ratio for name, ratio in ratios.items() if ratio > GROWTH_MAX}


def main() -> None:
    """Parse the command line, measure, save and show."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--purchases", type=int, default=1_000_000)
    found = list(measure(parser.parse_args().purchases))
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    table = Table(
        *(name.replace("_", " ") for name in found[0]), title=f"each purchase, over {CONNECTIONS} connections"
    )
    for one in found:
        table.add_row(*(f"{figure:,}" for figure in one.values()))
    Console().print(table)
    if more := grown(found):
        sys.exit(f"grown with the store: {', '.join(f'{name} {ratio:.2f} times' for name, ratio in more.items())}")


if __name__ == "__main__":
    main()
