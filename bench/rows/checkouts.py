"""Time to client secret: from POST to the open checkout, beside one bare update-with-start behind the same server."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from bench.buyers import Buyers, connections
from bench.contest import Against, Contestant, Row, Side
from bench.stage import Stage, stage
from bench.world import served
from devstack.ports import LOOPBACK, free_port

CALLERS = 16
CALLS = 128
WARM = 32
MS = 1000


async def percentile(act: Callable[[], Awaitable[object]], calls: int, percent: int) -> float:
    """Let the callers act one call after another; returns a percentile of the milliseconds that a call took."""
    left, took = iter(range(calls)), list[float]()

    async def call() -> None:
        while next(left, None) is not None:
            began = time.perf_counter()
            await act()
            took.append((time.perf_counter() - began) * MS)

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return quantiles(took, n=100, method="inclusive")[percent - 1]


async def _open(ground: Stage, calls: int, percent: int) -> float:
    async with Buyers.at(ground) as buyers:
        return await percentile(buyers.open, calls, percent)


@contextmanager
def _ours(ground: Stage, percent: int) -> Iterator[Contestant]:
    asyncio.run(_open(ground, WARM, percent))
    yield Contestant(lambda: asyncio.run(_open(ground, CALLS, percent)), f"p{percent}, {CALLERS} at once")


async def _ask(port: int, calls: int, percent: int) -> float:
    url = f"http://{LOOPBACK}:{port}/api/v1/purchases"
    body = {"show_id": "sh", "items": [{"ticket_type_id": "tt", "quantity": 1}]}
    async with connections() as http:

        async def ask() -> None:
            async with http.post(url, json=body, headers={"Idempotency-Key": uuid4().hex}) as answer:
                answer.raise_for_status()
                await answer.read()

        return await percentile(ask, calls, percent)


@contextmanager
def _bare(ground: Stage, percent: int) -> Iterator[Contestant]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-bare") as folder:
        log = Path(folder) / "bare.log"
        with served(("bench.bare_route", str(port), ground.temporal), port, log):
            asyncio.run(_ask(port, WARM, percent))
            yield Contestant(lambda: asyncio.run(_ask(port, CALLS, percent)), f"p{percent}, {CALLERS} at once")


ROWS = tuple(
    Row(
        f"time-to-client-secret-p{percent}",
        "ms",
        Side("POST to the open checkout", partial(_ours, percent=percent)),
        (
            Against(
                Side("a bare update-with-start, one regular activity", partial(_bare, percent=percent)), at_most=1.5
            ),
        ),
        stage=partial(stage, stubbed=False),
    )
    for percent in (50, 99)
)
