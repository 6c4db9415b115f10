"""After an outage of PostgreSQL our processes come back at once, however long it lasted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.event_store.store import PostgresLedger
from adapters.startup import utc_now
from adapters.tables import connection_of, open_pool
from devstack.ports import choose_ports
from devstack.postgres import postgres_part, postgres_url
from devstack.proxy.route import Route
from devstack.proxy.route import Weather as Network
from devstack.running import RunningPart
from domain.core.transient import Weather
from domain.stock.allocation import Allocation

# Pauses of 1, 2, 4 and 8 seconds would make the next attempt come 15 seconds after the line went.
OUTAGE_SECONDS = 9.0
BACK_SECONDS_MAX = 4.0
PAUSE_SECONDS = 0.1


async def came_back(call: Callable[[], Awaitable[object]]) -> float:
    """Repeat a call until it is answered; returns the seconds that it took."""
    began = time.monotonic()
    while True:
        try:
            await call()
        except Weather:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return time.monotonic() - began


@pytest.fixture
async def route(tmp_path: Path) -> AsyncIterator[tuple[Route, str]]:
    """A line to a PostgreSQL, and the URL by that line."""
    ports = choose_ports({"listen": 0, "target": 0}, {}, tmp_path / "ports.json")
    part = postgres_part(tmp_path / "postgres", ports["target"])
    server = RunningPart(part, tmp_path, lambda: None)
    await server.start({})
    assert part.welcome is not None
    await part.welcome()
    line = Route("worker.postgres", ports["listen"], ports["target"])
    await line.open()
    yield line, postgres_url(ports["listen"])
    await line.close()
    line.cut()
    await server.stop()


async def test_the_ledger_and_the_pool_are_back_soon_after_a_long_outage(route: tuple[Route, str]) -> None:
    """While everybody keeps asking, the line is gone for a while: it is used again within seconds of its return."""
    line, url = route
    ledger = await asyncio.to_thread(PostgresLedger, url, utc_now)
    async with open_pool(url) as pool:

        async def commit() -> object:
            return await ledger.commit(lambda _: None)

        async def look() -> object:
            return await ledger.read(lambda desk: desk.find(Allocation, "a"))

        async def ask() -> object:
            async with connection_of(pool) as connection:
                return await connection.execute("SELECT 1")

        calls = (commit, look, ask)
        await asyncio.gather(*(call() for call in calls))
        await line.become(Network(mode="refuse"))
        line.cut()
        waiting = [asyncio.create_task(came_back(call)) for call in calls]
        await asyncio.sleep(OUTAGE_SECONDS)
        assert not any(task.done() for task in waiting)
        await line.become(Network())
        took = [await task - OUTAGE_SECONDS for task in waiting]
    await asyncio.to_thread(ledger.close)
    assert max(took) < BACK_SECONDS_MAX, took
