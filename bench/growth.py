"""How the door's pace changes as the store fills. `python -m bench.growth [--purchases 100000]`.

Purchases that hold a seat, per second, once there are 1,000, 10,000 and so on in the store, and its size by then.
"""

import argparse
import asyncio
import json
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.http_load import run
from bench.rows.door import CONNECTIONS, HELD, door, load_of
from bench.show import open_show
from bench.stock import open_event_store
from bench.world import bench_world, database
from devstack.stack import ROOT

FIRST = 1_000
MEASURED = 4_000
SIZE = "SELECT pg_total_relation_size('events')"
RESULTS = ROOT / "bench" / "growth.json"


def measure(purchases: int) -> list[dict[str, Any]]:
    """Return the pace at each tenfold number of purchases, up to so many."""
    found: list[dict[str, Any]] = []
    with (
        bench_world() as (_, postgres_port, _),
        database(postgres_port) as url,
        open_event_store(url) as store,
        door(url) as (port, _),
    ):
        asyncio.run(open_show(store, 2 * purchases + MEASURED))
        load, stored, goal = load_of(port, "bench"), 0, FIRST
        while goal <= purchases:
            run(load, requests=goal - stored)
            answers = run(load, requests=MEASURED)
            if set(answers.statuses) != {HELD}:
                raise RuntimeError(f"not all were held: {dict(answers.statuses)}")
            with psycopg.connect(url) as connection:
                (size,) = connection.execute(SIZE).fetchone() or (0,)
            found.append({"purchases": goal, "held_per_second": round(answers.per_second), "bytes_of_events": size})
            stored, goal = goal + MEASURED, goal * 10
    return found


def main() -> None:
    """Read the command line, measure, keep and show."""
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
