"""Health: `live` asks nobody, `ready` asks the database with a deadline."""

import asyncio
from dataclasses import replace

import pytest

from domain.core.transient import TransientError
from tests.fakes.api_client import api_client, app_over
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import ApiWorld, MemoryReads


class SilentReads(MemoryReads):
    """A database that does not answer, or that answers with an error."""

    def __init__(self, store: FakeEventStore, error: Exception | None) -> None:
        super().__init__(store)
        self._error = error

    async def position(self) -> int:
        if self._error is not None:
            raise self._error
        return await asyncio.Event().wait()


async def test_a_well_process_is_live_and_ready() -> None:
    """Readiness names the position of the read models."""
    async with api_client(app_over(ApiWorld().deps())) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "position": 0})


@pytest.mark.parametrize("error", [None, TransientError("PostgreSQL: OperationalError")])
async def test_without_the_database_it_is_live_and_not_ready(error: Exception | None) -> None:
    """A silent database is not waited for."""
    world = ApiWorld()
    world.limits = replace(world.limits, read_seconds=0.05)
    deps = replace(world.deps(), queries=SilentReads(world.store, error))
    async with api_client(app_over(deps)) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")
    assert live.status_code == 200
    assert (ready.status_code, ready.json()["type"]) == (503, "urn:boxoffice:problem:try-again")
