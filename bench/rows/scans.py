"""Scans at the doors, 50 a second beside a running sale: a percentile of their time, beside an empty route."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from statistics import quantiles

import aiohttp

from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import ROUND_TRIP
from bench.fixtures.environment import empty_route
from bench.fixtures.stack import StackFixture, stack_fixture
from bench.load.buyers import Buyers, connections, post_json
from devstack.supervisor.ports import LOOPBACK

PER_SECOND = 50
SECONDS = 4
SCANS = PER_SECOND * SECONDS
PER_RESERVATION = 50
SALE_CALLERS = 4
PERCENT = 99
MS = 1000


async def paced(act: Callable[[int], Awaitable[object]]) -> float:
    """Begin `act` at a fixed rate, however long it takes; return a percentile of the milliseconds of each."""
    began, took = time.perf_counter(), list[float]()

    async def one(number: int) -> None:
        due = began + number / PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await act(number)
        took.append((time.perf_counter() - due) * MS)

    await asyncio.gather(*(one(number) for number in range(SCANS)))
    return quantiles(took, n=100, method="inclusive")[PERCENT - 1]


@asynccontextmanager
async def _sale(fixture: StackFixture) -> AsyncIterator[None]:
    """Open checkouts all the time, from a few callers."""

    async def sell(buyers: Buyers) -> None:
        while True:
            await buyers.open()

    async with Buyers.at(fixture.site) as buyers:
        selling = [asyncio.create_task(sell(buyers)) for _ in range(SALE_CALLERS)]
        try:
            yield
        finally:
            for one in selling:
                one.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*selling)


async def _codes(fixture: StackFixture, http: aiohttp.ClientSession) -> list[str]:
    """Sell tickets through the internal ticket API; return their codes."""
    internal, codes = f"{fixture.site.api}/internal/tickets", list[str]()
    items = [{"ticket_type_id": fixture.site.seat, "quantity": PER_RESERVATION}]
    for _ in range(SCANS // PER_RESERVATION):
        body = {"show_id": fixture.site.show_id, "items": items}
        held = await post_json(http, f"{internal}/reserve", body, fixture.site.key)
        named = {"reservation_id": held["reservation_id"]}
        for ticket_id in (await post_json(http, f"{internal}/confirm", named, fixture.site.key))["ticket_ids"]:
            url = f"{fixture.site.api}/api/v1/tickets/{ticket_id}/code"
            async with http.get(url, headers=fixture.site.key) as answer:
                codes.append(str((await answer.json())["ticket_code"]))
    return codes


async def _scan(fixture: StackFixture, rounds: Iterator[int]) -> float:
    """Scan tickets that were never scanned; every one must be admitted."""
    name = next(rounds)
    async with connections() as http:
        codes = await _codes(fixture, http)

        async def scan(number: int) -> None:
            body = {"show_id": fixture.site.show_id, "gate": f"gate {number % 8}", "nonce": f"{name}-{number}"}
            shown = {**body, "ticket_code": codes[number]}
            answer = await post_json(http, f"{fixture.site.api}/api/v1/checkins", shown, fixture.site.key)
            if not answer["admitted"]:
                raise RuntimeError(f"a scan was not admitted: {answer['reason']}")

        async with _sale(fixture):
            return await paced(scan)


@contextmanager
def _ours(fixture: StackFixture) -> Iterator[Candidate]:
    rounds = count()
    asyncio.run(_scan(fixture, rounds))
    yield Candidate(lambda: asyncio.run(_scan(fixture, rounds)), f"p{PERCENT}, {PER_SECOND} a second beside a sale")


async def _ask(fixture: StackFixture, port: int) -> float:
    url = f"http://{LOOPBACK}:{port}/api/v1/purchases"
    body = {"show_id": "sh", "items": [{"ticket_type_id": "tt", "quantity": 1}]}
    async with connections() as http, _sale(fixture):
        return await paced(lambda _: post_json(http, url, body, {}))


@contextmanager
def _empty(fixture: StackFixture) -> Iterator[Candidate]:
    with tempfile.TemporaryDirectory(prefix="bench-empty") as folder, empty_route(Path(folder)) as port:
        asyncio.run(_ask(fixture, port))
        note = f"p{PERCENT}, {PER_SECOND} a second beside a sale"
        yield Candidate(lambda: asyncio.run(_ask(fixture, port)), note)


ROWS = (
    Row(
        f"scans-p{PERCENT}",
        "ms",
        ROUND_TRIP,
        Side("POST /checkins of a ticket's code, to its answer", _ours),
        (Baseline(Side("an empty route in a process of its own", _empty), at_most=3),),
        fixture=partial(stack_fixture, stubbed=False),
    ),
)
