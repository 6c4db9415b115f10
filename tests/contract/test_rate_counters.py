"""Contract of the counters of the rate limits, in memory and in PostgreSQL."""

import asyncio

import pytest

from adapters.postgres.rate_limits import MemoryCounters, PostgresCounters


@pytest.fixture(params=["memory", "postgres"])
def counters(request: pytest.FixtureRequest) -> MemoryCounters | PostgresCounters:
    return MemoryCounters() if request.param == "memory" else PostgresCounters(request.getfixturevalue("pool"))


async def test_requests_at_the_same_time_are_all_counted(counters: MemoryCounters | PostgresCounters) -> None:
    """Each gets a number of its own; another key counts for itself."""
    await counters.incr("other", 60, 5)
    found = await asyncio.gather(*(counters.incr("key", 60) for _ in range(20)))
    assert sorted(found) == list(range(1, 21))
    assert [await counters.get(key) for key in ("key", "other", "unknown")] == [20, 5, 0]


async def test_a_window_ends_and_the_next_begins_at_one(counters: MemoryCounters | PostgresCounters) -> None:
    """Its end does not move with further requests."""
    await counters.incr("key", 1)
    end = await counters.get_expiry("key")
    await counters.incr("key", 1)
    assert await counters.get_expiry("key") == end
    await asyncio.sleep(1.1)
    assert await counters.get("key") == 0
    assert await counters.incr("key", 60) == 1
    assert await counters.get_expiry("key") > end + 30


async def test_counts_are_forgotten(counters: MemoryCounters | PostgresCounters) -> None:
    """One alone, or all."""
    for key in ("a", "b", "c"):
        await counters.incr(key, 60)
    await counters.clear("a")
    assert [await counters.get(key) for key in ("a", "b")] == [0, 1]
    assert await counters.reset() == 2
    assert await counters.get("b") == 0
    assert await counters.check()
