"""Optimistic append: the only writer decides on its cache, and appends only if no other process has meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from adapters.event_store import optimistic_append
from adapters.event_store.aggregate_cache import EVENTS_BETWEEN_SNAPSHOTS
from adapters.event_store.log import EventLog
from adapters.event_store.optimistic_append import OPTIMISTIC_AFTER_BATCHES
from adapters.event_store.store import PostgresEventStore
from domain.core.errors import SeatsUnavailable
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.contract.event_stores import STREAM, holding, opened, opening, stock
from tests.fakes.stored import broken_link, stored_of


@pytest.fixture
def appends(monkeypatch: pytest.MonkeyPatch) -> Counter[bool]:
    """Count the optimistic appends that succeeded and failed."""
    counted: Counter[bool] = Counter()
    append_if_head = EventLog.append_if_head

    def counting(*given: Any) -> int | None:
        head = append_if_head(*given)
        counted[head is not None] += 1
        return head

    monkeypatch.setattr(EventLog, "append_if_head", counting)
    return counted


@pytest.fixture
async def alone(postgres: PostgresEventStore) -> PostgresEventStore:
    """A process that has been the only writer for long enough; two seats are left."""
    await postgres.commit(opening(capacity=OPTIMISTIC_AFTER_BATCHES + 2))
    for number in range(OPTIMISTIC_AFTER_BATCHES):
        await postgres.commit(holding(f"k{number}"))
    return postgres


@pytest.fixture
async def other(alone: PostgresEventStore, empty_url: str) -> AsyncIterator[PostgresEventStore]:
    """Another process, started later."""
    async with opened(empty_url) as store:
        yield store


def finding(identity: str) -> Callable[[UnitOfWork], bool]:
    """Return a decision that opens a stock unless it exists, and returns whether it was opened."""

    def decide(uow: UnitOfWork) -> bool:
        if uow.find(Allocation, identity) is not None:
            return False
        opening(identity)(uow)
        return True

    return decide


async def test_the_only_writer_appends_in_one_round_trip(alone: PostgresEventStore, appends: Counter[bool]) -> None:
    """The hash chain stays whole, and each hold counts once."""
    assert (await alone.commit(holding("a"))).value == 1
    assert (await alone.commit(holding("a"))).value == 1  # nothing to append
    assert (await alone.commit(holding("b"))).value == 0
    assert appends == {True: 2}
    assert (await stock(alone))[0] == 0
    assert broken_link(stored_of(alone, STREAM)) is None


async def test_nothing_is_appended_when_another_process_was_first(
    alone: PostgresEventStore, other: PostgresEventStore, appends: Counter[bool]
) -> None:
    """The last seats went elsewhere: a decision on outdated aggregates is not stored, and is made again."""
    await other.commit(holding("theirs", quantity=2))
    with pytest.raises(SeatsUnavailable):
        await alone.commit(holding("ours"))
    assert appends == {False: 1}
    assert (await stock(alone))[0] == 0
    assert broken_link(stored_of(alone, STREAM)) is None


async def test_an_unknown_stream_may_have_events(
    alone: PostgresEventStore, empty_url: str, appends: Counter[bool]
) -> None:
    """A stream that is not cached is assumed to be empty; the append checks it."""
    reads = (Allocation.stream("new"),)
    assert (await alone.commit(finding("new"), reads)).value
    with psycopg.connect(empty_url, autocommit=True) as connection:
        # As if another process had opened it, with no new event in the log since our read.
        connection.execute("UPDATE events SET originator_id = %s WHERE originator_id = %s", ("allocation:old", *reads))
    assert not (await alone.commit(finding("old"), (Allocation.stream("old"),))).value
    assert appends == {True: 1, False: 1}


async def test_two_optimistic_processes_never_oversell(alone: PostgresEventStore, other: PostgresEventStore) -> None:
    """Two processes at once, each as if it were the only writer."""
    for store in (alone, other):
        store._decider.batches_alone = OPTIMISTIC_AFTER_BATCHES
    commits = [(alone, other)[number % 2].commit(holding(f"n{number}")) for number in range(100)]
    answers = await asyncio.gather(*commits, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 2
    assert sum(isinstance(answer, SeatsUnavailable) for answer in answers) == 98
    assert (await stock(other))[0] == 0
    assert broken_link(stored_of(other, STREAM)) is None


async def test_snapshots_are_kept_all_the_same(
    postgres: PostgresEventStore, empty_url: str, appends: Counter[bool]
) -> None:
    """They are saved after the append."""
    await postgres.commit(opening(capacity=1_000))
    for number in range(EVENTS_BETWEEN_SNAPSHOTS + 50):
        await postgres.commit(holding(f"k{number}"))
    with psycopg.connect(empty_url) as connection:
        kept = connection.execute("SELECT version FROM snapshots WHERE stream = %s", (STREAM,)).fetchall()
    assert len(kept) == 1
    assert appends[True] > EVENTS_BETWEEN_SNAPSHOTS


async def test_after_a_pause_no_append_is_optimistic(
    alone: PostgresEventStore, empty_url: str, appends: Counter[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was cut while idle is noticed before any event is sent, so that no result is unknown."""
    monkeypatch.setattr(optimistic_append, "IDLE_SECONDS_MAX", 0.05)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    await asyncio.sleep(0.1)
    assert (await alone.commit(holding("a"))).value == 1
    assert not appends
