"""Throughput of new purchases as the event store grows. `python -m bench.growth [--purchases 100000]`.

Measures purchases per second that hold a seat at 1,000, 10,000 and so on stored purchases, and the store's size.
"""

import argparse
import asyncio
import json
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.fixtures.environment import bench_environment, database
from bench.fixtures.event_store import EVENTS_TABLE, open_store
from bench.fixtures.show import open_show
from bench.load.http_client import run
from bench.rows.on_sale import CONNECTIONS, HELD, load_of, run_api
from devstack.stack import ROOT

FIRST = 1_000
MEASURED = 4_000
SIZE = f"SELECT pg_total_relation_size('{EVENTS_TABLE}')"
RESULTS = ROOT / "bench" / "results" / "growth.json"


def measure(purchases: int) -> list[dict[str, Any]]:
    """Return the throughput at each power of ten of stored purchases, up to this number."""
    found: list[dict[str, Any]] = []
    with (
        bench_environment() as environment,
        database(environment.postgres_port) as url,
        open_store(url) as store,
        run_api(url) as (port, _),
    ):
        asyncio.run(open_show(store, 2 * purchases + MEASURED))
        load, stored, goal = load_of(port, "bench"), 0, FIRST
        while goal <= purchases:
            run(load, requests=goal - stored)
            answers = run(load, requests=MEASURED)
            if set(answers.statuses) != {HELD}:
                raise RuntimeError(f"expected only {HELD}, got {dict(answers.statuses)}")
            with psycopg.connect(url) as connection:
                (size,) = connection.execute(SIZE).fetchone() or (0,)
            found.append({"purchases": goal, "held_per_second": round(answers.per_second), "bytes_of_events": size})
            stored, goal = goal + MEASURED, goal * 10
    return found


def main() -> None:
    """Parse the command line, measure, save and show."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--purchases", type=int, default=100_000)
    found = measure(parser.parse_args().purchases)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    table = Table("purchases in the store", "held per second", "bytes of events", title=f"{CONNECTIONS} connections")
    for one in found:
        table.add_row(f"{one['purchases']:,}", f"{one['held_per_second']:,}", f"{one['bytes_of_events']:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
