"""Time to recover after a kill -9. `python -m bench.recovery [--processes worker,api,temporal,postgres]`.

Pays a hundred purchases at once and kills one process meanwhile. Measures the time from the kill (for PostgreSQL from
its restart) until the last purchase is fulfilled. First measures a hundred purchases without a kill.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from rich.console import Console
from rich.table import Table

from bench.fixtures.environment import run_module
from bench.fixtures.stack import StackFixture, stack_fixture
from bench.load.buyers import EVENTS_AFTER, FULFILLED, Buyers
from devstack.stack import ROOT
from domain.orders.order import Order

IN_FLIGHT = 100
OPENING = 16
POLL_SECONDS = 0.05
HEAD_START_SECONDS = 0.3
TIMEOUT_SECONDS = 180.0
WITHIN = {"worker": 5.0, "api": 2.0, "temporal": 5.0, "postgres": 6.0}
RESULTS = ROOT / "bench" / "results" / "recovery.json"


async def open_all(buyers: Buyers, number: int) -> dict[str, str]:
    """Open the checkouts; return client secrets by purchase."""
    gate = asyncio.Semaphore(OPENING)

    async def one() -> tuple[str, str]:
        async with gate:
            opened = await buyers.open()
            return opened["purchase_id"], opened["client_secret"]

    return dict(await asyncio.gather(*(one() for _ in range(number))))


async def all_ended(url: str, purchase_ids: set[str]) -> float:
    """Return the time at which the last of these was fulfilled; retry while the database is down."""
    left = {Order.stream(one) for one in purchase_ids}
    until, position = time.monotonic() + TIMEOUT_SECONDS, 0
    while left:
        if time.monotonic() > until:
            raise RuntimeError(f"{len(left)} purchases were not fulfilled after {TIMEOUT_SECONDS:g} s")
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                while left and time.monotonic() < until:
                    rows = await connection.execute(EVENTS_AFTER, (position, [FULFILLED]))
                    for number, _, stream in await rows.fetchall():
                        position = number
                        left.discard(stream)
                    await asyncio.sleep(POLL_SECONDS)
        except psycopg.OperationalError:
            await asyncio.sleep(POLL_SECONDS)
    return time.monotonic()


async def seconds_to_end(fixture: StackFixture, process_name: str | None, number: int) -> float:
    """Pay this many purchases at once, kill a process meanwhile, and return the seconds until all are fulfilled."""
    async with Buyers.at(fixture.site) as buyers:
        secrets = await open_all(buyers, number)
        ending = asyncio.create_task(all_ended(fixture.site.postgres, set(secrets)))
        began = time.monotonic()
        paying = [asyncio.create_task(buyers.pay(one, secret)) for one, secret in secrets.items()]
        if process_name is not None:
            await asyncio.sleep(HEAD_START_SECONDS)
            began = time.monotonic()
            old = fixture.stack.kill(process_name)
            if process_name == "postgres":
                await fixture.stack.healthy_again(process_name, old)
                began = time.monotonic()
        await asyncio.gather(*paying)
        took = await ending - began
        if process_name is not None:
            await fixture.stack.healthy_again(process_name, old)
        return took


@contextmanager
def second_worker(fixture: StackFixture) -> Iterator[None]:
    """Run a second worker beside the supervised one."""
    with TemporaryDirectory(prefix="bench-worker") as folder:
        ready, log = Path(folder) / "ready", Path(folder) / "worker.log"
        env = {**fixture.stack.env, "BOXOFFICE_WORKER__READY_FILE": str(ready)}
        with run_module(("worker",), log, env):
            until = time.monotonic() + TIMEOUT_SECONDS
            while not ready.exists():
                if time.monotonic() > until:
                    raise RuntimeError(f"the second worker did not start:\n{log.read_text()}")
                time.sleep(POLL_SECONDS)
            yield


def measure(process_names: list[str], number: int) -> dict[str, float]:
    """Return the seconds by killed process, and without a kill."""
    with stack_fixture(stubbed=False) as fixture, second_worker(fixture):
        took = {}
        for process_name in ("nothing", *process_names):
            took[process_name] = asyncio.run(
                seconds_to_end(fixture, None if process_name == "nothing" else process_name, number)
            )
            Console(stderr=True).print(f"{process_name}: {took[process_name]:.1f} s", highlight=False)
    return took


def show(took: dict[str, float], number: int) -> bool:
    """Print the table; return whether every mark is reached."""
    table = Table(title=f"kill -9 with {number} purchases in flight: seconds to the last one's end")
    for column in ("killed", "seconds", "more than undisturbed", "at most", "verdict"):
        table.add_column(column, justify="left" if column in {"killed", "verdict"} else "right")
    for process_name, seconds in took.items():
        most = WITHIN.get(process_name)
        verdict = "" if most is None else "reached" if seconds <= most else "missed"
        more = f"{seconds - took['nothing']:.1f}"
        table.add_row(process_name, f"{seconds:.1f}", *(("", "") if most is None else (more, f"{most:g}")), verdict)
    Console().print(table)
    return all(seconds <= WITHIN.get(process_name, seconds) for process_name, seconds in took.items())


def main() -> None:
    """Parse the command line, measure, save and show."""
    parser = argparse.ArgumentParser(prog="bench.recovery", description=__doc__)
    parser.add_argument("--processes", default=",".join(WITHIN), help="processes to kill, separated by commas")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="with another number nothing is saved")
    options = parser.parse_args()
    process_names, number = options.processes.split(","), options.in_flight
    if unknown := set(process_names) - set(WITHIN):
        parser.error(f"no such process: {', '.join(sorted(unknown))}")
    took = measure(process_names, number)
    if number == IN_FLIGHT:
        RESULTS.write_text(json.dumps(took, indent=2) + "\n")
    sys.exit(0 if show(took, number) else 1)


if __name__ == "__main__":
    main()
