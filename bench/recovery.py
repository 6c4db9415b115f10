"""How soon everything ends after a kill -9. `python -m bench.recovery [--deps worker,api,temporal,postgres]`.

A hundred purchases are paid at once; while they are under way one part is killed. The clock runs from the kill (from
PostgreSQL's return, for PostgreSQL) to the last purchase's end. Before, a hundred go their way undisturbed.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from rich.console import Console
from rich.table import Table

from bench.buyers import FULFILLED, NEWS, Buyers
from bench.stage import Stage, stage
from devstack.part import bind_to_parent
from devstack.stack import ROOT
from domain.orders.order import Order

IN_FLIGHT = 100
OPENING = 16
POLL_SECONDS = 0.05
HEAD_START_SECONDS = 0.3
PATIENCE_SECONDS = 180.0
WITHIN = {"worker": 5.0, "api": 2.0, "temporal": 5.0, "postgres": 6.0}
RESULTS = ROOT / "bench" / "recovery.json"


async def open_all(buyers: Buyers, number: int) -> dict[str, str]:
    """Open the checkouts; returns client secrets by purchase."""
    gate = asyncio.Semaphore(OPENING)

    async def one() -> tuple[str, str]:
        async with gate:
            opened = await buyers.open()
            return opened["purchase_id"], opened["client_secret"]

    return dict(await asyncio.gather(*(one() for _ in range(number))))


async def all_ended(url: str, purchase_ids: set[str]) -> float:
    """Return the moment at which the last of these was fulfilled; a database that is away is asked again."""
    left = {Order.stream(one) for one in purchase_ids}
    until, position = time.monotonic() + PATIENCE_SECONDS, 0
    while left:
        if time.monotonic() > until:
            raise RuntimeError(f"{len(left)} purchases have not ended after {PATIENCE_SECONDS:g} s")
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                while left and time.monotonic() < until:
                    asked = await connection.execute(NEWS, (position, [FULFILLED]))
                    for number, _, stream in await asked.fetchall():
                        position = number
                        left.discard(stream)
                    await asyncio.sleep(POLL_SECONDS)
        except psycopg.OperationalError:
            await asyncio.sleep(POLL_SECONDS)
    return time.monotonic()


async def lasted(ground: Stage, part: str | None, number: int) -> float:
    """Pay so many purchases at once, kill a part meanwhile, and return how long the last one took from then."""
    async with Buyers.at(ground) as buyers:
        secrets = await open_all(buyers, number)
        ending = asyncio.create_task(all_ended(ground.postgres, set(secrets)))
        began = time.monotonic()
        paying = [asyncio.create_task(buyers.pay(one, secret)) for one, secret in secrets.items()]
        if part is not None:
            await asyncio.sleep(HEAD_START_SECONDS)
            began = time.monotonic()
            old = ground.stack.kill(part)
            if part == "postgres":
                await ground.stack.healthy_again(part, old)
                began = time.monotonic()
        await asyncio.gather(*paying)
        took = await ending - began
        if part is not None:
            await ground.stack.healthy_again(part, old)
        return took


@contextmanager
def second_worker(ground: Stage) -> Iterator[None]:
    """Run another worker beside the supervised one."""
    with TemporaryDirectory(prefix="bench-worker") as folder:
        ready, log = Path(folder) / "ready", Path(folder) / "worker.log"
        env = {**os.environ, **ground.stack.env, "BOXOFFICE_WORKER__READY_FILE": str(ready)}
        with log.open("w") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "worker"],
                cwd=ROOT,
                env=env,
                stdout=output,
                stderr=output,
                preexec_fn=bind_to_parent(signal.SIGTERM),  # noqa: PLW1509 - so that nothing outlives the bench
            )
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while not ready.exists():
                if child.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the second worker did not start:\n{log.read_text()}")
                time.sleep(POLL_SECONDS)
            yield
        finally:
            child.terminate()
            child.wait()


def measure(deps: list[str], number: int) -> dict[str, float]:
    """Return the seconds by killed part, and of nothing killed."""
    with stage(stubbed=False) as ground, second_worker(ground):
        took = {}
        for part in ("nothing", *deps):
            took[part] = asyncio.run(lasted(ground, None if part == "nothing" else part, number))
            Console(stderr=True).print(f"{part}: {took[part]:.1f} s", highlight=False)
    return took


def show(took: dict[str, float], number: int) -> bool:
    """Print the table; returns whether every mark is reached."""
    table = Table(title=f"kill -9 with {number} purchases in flight: seconds to the last one's end")
    for column in ("killed", "seconds", "more than undisturbed", "at most", "verdict"):
        table.add_column(column, justify="left" if column in {"killed", "verdict"} else "right")
    for part, seconds in took.items():
        most = WITHIN.get(part)
        verdict = "" if most is None else "reached" if seconds <= most else "missed"
        more = f"{seconds - took['nothing']:.1f}"
        table.add_row(part, f"{seconds:.1f}", *(("", "") if most is None else (more, f"{most:g}")), verdict)
    Console().print(table)
    return all(seconds <= WITHIN.get(part, seconds) for part, seconds in took.items())


def main() -> None:
    """Read the command line, measure, keep and show."""
    parser = argparse.ArgumentParser(prog="bench.recovery", description=__doc__)
    parser.add_argument("--parts", default=",".join(WITHIN), help="what is killed, separated by commas")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="with another number nothing is kept")
    options = parser.parse_args()
    deps, number = options.deps.split(","), options.in_flight
    if unknown := set(deps) - set(WITHIN):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    took = measure(deps, number)
    if number == IN_FLIGHT:
        RESULTS.write_text(json.dumps(took, indent=2) + "\n")
    sys.exit(0 if show(took, number) else 1)


if __name__ == "__main__":
    main()
