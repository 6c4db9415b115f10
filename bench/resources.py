"""Resource use of purchases. `python -m bench.resources [--purchases 5000]`.

Measures CPU seconds per purchase by process, the worker's memory after each tenth, and the database's bytes.
"""

import argparse
import asyncio
import json
from contextlib import suppress
from typing import Any

import psutil
import psycopg
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.fixtures.stack import StackFixture, stack_fixture
from bench.load.buyers import Buyers
from devstack.stack import ROOT

AT_ONCE = 32
WARM = 64
TENTHS = 10
MIB = 1024 * 1024
SIZE = "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
RESULTS = ROOT / "bench" / "results" / "resources.json"


def cpu_seconds(fixture: StackFixture) -> dict[str, float]:
    """Return the CPU time of each process and its children, and of this one, the driver."""
    used = {"driver": sum(psutil.Process().cpu_times()[:2])}
    for name, process_name in fixture.stack.status["processes"].items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(process_name["pid"])
            alive = [process, *process.children(recursive=True)]
            # An ended backend counts in its parent's time of children.
            used[name] = sum(sum(one.cpu_times()[:4]) for one in alive)
    return used


def memory_mib(fixture: StackFixture) -> float:
    """Return the worker's resident memory."""
    return float(psutil.Process(fixture.stack.pid_of("worker")).memory_info().rss) / MIB


def stored(fixture: StackFixture) -> tuple[int, int]:
    """Return the bytes of the database and of its log so far."""
    with psycopg.connect(fixture.site.postgres, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(SIZE).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


async def buy(fixture: StackFixture, number: int) -> None:
    """Buy this many tickets, each in its own purchase."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with Buyers.at(fixture.site) as buyers, asyncio.TaskGroup() as group:

        async def one() -> None:
            async with gate:
                await buyers.buy()

        for _ in range(number):
            group.create_task(one())


def measure(purchases: int) -> dict[str, Any]:
    """Return the resource use of this many purchases."""
    share = max(1, purchases // TENTHS)
    with stack_fixture(stubbed=False) as fixture:
        asyncio.run(buy(fixture, WARM))
        before, bytes_before, memory = cpu_seconds(fixture), stored(fixture), [memory_mib(fixture)]
        for _ in track(range(TENTHS), "purchases", console=Console(stderr=True)):
            asyncio.run(buy(fixture, share))
            memory.append(memory_mib(fixture))
        after, bytes_after = cpu_seconds(fixture), stored(fixture)
    number = share * TENTHS
    used = {name: (after[name] - before.get(name, 0.0)) / number for name in after}
    return {
        "purchases": number,
        "cpu_ms_per_purchase": {name: round(seconds * 1000, 1) for name, seconds in used.items()},
        "worker_memory_mib": [round(one, 1) for one in memory],
        "database_bytes_per_purchase": (bytes_after[0] - bytes_before[0]) // number,
        "log_bytes_per_purchase": (bytes_after[1] - bytes_before[1]) // number,
    }


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    table = Table(title=f"{found['purchases']:,} purchases, POST to fulfilled, {AT_ONCE} at once")
    table.add_column("resource")
    table.add_column("figure", justify="right")
    for name, used in found["cpu_ms_per_purchase"].items():
        table.add_row(f"processor time of {name} per purchase", f"{used:,.1f} ms")
    table.add_row("processor time of all per purchase", f"{sum(found['cpu_ms_per_purchase'].values()):,.1f} ms")
    memory = found["worker_memory_mib"]
    table.add_row("worker's memory, before and after each tenth", " ".join(f"{one:.0f}" for one in memory) + " MiB")
    table.add_row("database per purchase", f"{found['database_bytes_per_purchase']:,} bytes")
    table.add_row("database's log per purchase", f"{found['log_bytes_per_purchase']:,} bytes")
    Console().print(table)


def main() -> None:
    """Parse the command line, measure, save and show."""
    parser = argparse.ArgumentParser(prog="bench.resources", description=__doc__)
    parser.add_argument("--purchases", type=int, default=5_000)
    found = measure(parser.parse_args().purchases)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    show(found)


if __name__ == "__main__":
    main()
