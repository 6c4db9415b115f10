"""Our processes reconnect soon after an outage of PostgreSQL, however long it lasted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.database.schema import ensure_schema
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import connection_of, open_pool
from devstack.proxy.route import NetworkConditions, Route
from devstack.servers.postgres import postgres_process, postgres_url
from devstack.supervisor.ports import choose_ports
from devstack.supervisor.runner import ProcessRunner
from domain.core.transient import TransientError
from domain.stock.allocation import Allocation

# With pauses of 1, 2, 4 and 8 seconds the next attempt would come 15 seconds after the connection was lost.
OUTAGE_SECONDS = 9.0
BACK_SECONDS_MAX = 4.0
PAUSE_SECONDS = 0.1


async def came_back(call: Callable[[], Awaitable[object]]) -> float:
    """Repeat a call until it succeeds; return the seconds it took."""
    began = time.monotonic()
    while True:
        try:
            await call()
        except TransientError:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return time.monotonic() - began


@pytest.fixture
async def route(tmp_path: Path) -> AsyncIterator[tuple[Route, str]]:
    """A proxy to a PostgreSQL, and the URL through it."""
    ports = choose_ports({"listen": 0, "target": 0}, {}, tmp_path / "ports.json")
    part = postgres_process(tmp_path / "postgres", ports["target"])
    server = ProcessRunner(part, tmp_path, lambda: None)
    await server.start({})
    assert part.on_ready is not None
    await part.on_ready()
    line = Route("worker.postgres", ports["listen"], ports["target"])
    await line.open()
    yield line, postgres_url(ports["listen"])
    await line.close()
    line.cut()
    await server.stop()


async def test_the_store_and_the_pool_are_back_soon_after_a_long_outage(route: tuple[Route, str]) -> None:
    """With calls repeated throughout an outage, the next one succeeds within seconds of its end."""
    line, url = route
    await asyncio.to_thread(ensure_schema, url)
    store = await asyncio.to_thread(PostgresEventStore, url, utc_now)
    async with open_pool(url) as pool:

        async def commit() -> object:
            return await store.commit(lambda _: None)

        async def look() -> object:
            return await store.read(lambda uow: uow.find(Allocation, "a"))

        async def ask() -> object:
            async with connection_of(pool) as connection:
                return await connection.execute("SELECT 1")

        calls = (commit, look, ask)
        await asyncio.gather(*(call() for call in calls))
        await line.set_conditions(NetworkConditions(mode="refuse"))
        line.cut()
        waiting = [asyncio.create_task(came_back(call)) for call in calls]
        await asyncio.sleep(OUTAGE_SECONDS)
        assert not any(task.done() for task in waiting)
        await line.set_conditions(NetworkConditions())
        took = [await task - OUTAGE_SECONDS for task in waiting]
    await asyncio.to_thread(store.close)
    assert max(took) < BACK_SECONDS_MAX, took
