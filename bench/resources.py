"""What purchases use up. `python -m bench.resources [--purchases 5000]`.

CPU seconds per purchase by process, the worker's memory after each tenth of them, and the database's bytes.
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

from bench.buyers import Buyers
from bench.stage import Stage, stage
from devstack.stack import ROOT

AT_ONCE = 32
WARM = 64
TENTHS = 10
MIB = 1024 * 1024
SIZE = "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
RESULTS = ROOT / "bench" / "resources.json"


def cpu_seconds(ground: Stage) -> dict[str, float]:
    """Return the processor time that each part has used, with its children."""
    used: dict[str, float] = {}
    for name, part in ground.stack.events["deps"].items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(part["pid"])
            alive = [process, *process.children(recursive=True)]
            # A backend that has ended is in its parent's account.
            used[name] = sum(sum(one.cpu_times()[:4]) for one in alive)
    return used


def memory_mib(ground: Stage) -> float:
    """Return the worker's resident memory."""
    return float(psutil.Process(ground.stack.part_pid("worker")).memory_info().rss) / MIB


def stored(ground: Stage) -> tuple[int, int]:
    """Return the database's bytes and the bytes of its log so far."""
    with psycopg.connect(ground.postgres, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(SIZE).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


async def buy(ground: Stage, number: int) -> None:
    """Buy so many tickets, each in a purchase of its own."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with Buyers.at(ground) as buyers, asyncio.TaskGroup() as group:

        async def one() -> None:
            async with gate:
                await buyers.buy()

        for _ in range(number):
            group.create_task(one())


def measure(purchases: int) -> dict[str, Any]:
    """Return what so many purchases used up."""
    share = max(1, purchases // TENTHS)
    with stage(stubbed=False) as ground:
        asyncio.run(buy(ground, WARM))
        before, bytes_before, memory = cpu_seconds(ground), stored(ground), [memory_mib(ground)]
        for _ in track(range(TENTHS), "purchases", console=Console(stderr=True)):
            asyncio.run(buy(ground, share))
            memory.append(memory_mib(ground))
        after, bytes_after = cpu_seconds(ground), stored(ground)
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
    """Print it for a person."""
    table = Table(title=f"{found['purchases']:,} purchases, POST to fulfilled, {AT_ONCE} at once")
    table.add_column("what")
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
    """Read the command line, measure, keep and show."""
    parser = argparse.ArgumentParser(prog="bench.resources", description=__doc__)
    parser.add_argument("--purchases", type=int, default=5_000)
    found = measure(parser.parse_args().purchases)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    show(found)


if __name__ == "__main__":
    main()
