"""Time to client secret: from POST to the open checkout, beside a bare update-with-start behind the same server."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles

from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import ROUND_TRIP
from bench.fixtures.environment import run_server
from bench.fixtures.stack import StackFixture, stack_fixture
from bench.load.buyers import Buyers, connections, post_json
from devstack.supervisor.ports import LOOPBACK, free_port

CALLERS = 16
CALLS = 128
WARM = 32
MS = 1000


async def percentile(act: Callable[[], Awaitable[object]], calls: int, percent: int) -> float:
    """Run `act` in concurrent callers; return a percentile of the milliseconds per call."""
    left, took = iter(range(calls)), list[float]()

    async def call() -> None:
        while next(left, None) is not None:
            began = time.perf_counter()
            await act()
            took.append((time.perf_counter() - began) * MS)

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return quantiles(took, n=100, method="inclusive")[percent - 1]


async def _open(fixture: StackFixture, calls: int, percent: int) -> float:
    async with Buyers.at(fixture.site) as buyers:
        return await percentile(buyers.open, calls, percent)


@contextmanager
def _ours(fixture: StackFixture, percent: int) -> Iterator[Candidate]:
    asyncio.run(_open(fixture, WARM, percent))
    yield Candidate(lambda: asyncio.run(_open(fixture, CALLS, percent)), f"p{percent}, {CALLERS} at once")


async def _ask(port: int, calls: int, percent: int) -> float:
    url = f"http://{LOOPBACK}:{port}/api/v1/purchases"
    body = {"show_id": "sh", "items": [{"ticket_type_id": "tt", "quantity": 1}]}
    async with connections() as http:
        return await percentile(partial(post_json, http, url, body, {}), calls, percent)


@contextmanager
def _bare(fixture: StackFixture, percent: int) -> Iterator[Candidate]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-bare") as folder:
        log = Path(folder) / "bare.log"
        with run_server(("bench.servers.bare_route", str(port), fixture.stack.urls["temporal"]), port, log):
            asyncio.run(_ask(port, WARM, percent))
            yield Candidate(lambda: asyncio.run(_ask(port, CALLS, percent)), f"p{percent}, {CALLERS} at once")


ROWS = tuple(
    Row(
        f"time-to-client-secret-p{percent}",
        "ms",
        ROUND_TRIP,
        Side("POST to the open checkout", partial(_ours, percent=percent)),
        (
            Baseline(
                Side("a bare update-with-start, one regular activity", partial(_bare, percent=percent)), at_most=most
            ),
        ),
        fixture=partial(stack_fixture, stubbed=False),
    )
    for percent, most in ((50, 1.2), (99, 1.5))
)
