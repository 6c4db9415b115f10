"""The commit queue and its limits, batches, and snapshots."""

import asyncio
import time
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL

from adapters.event_store.aggregate_cache import EVENTS_BETWEEN_SNAPSHOTS
from adapters.event_store.commit_queue import LINE, CommitQueue, Crowd
from adapters.event_store.store import PostgresEventStore
from domain.core.errors import SeatsUnavailable
from domain.core.transient import OverloadedError, TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.contract.event_stores import AT, STREAM, UNTIL, holding, one_batch, opened, opening, stock
from tests.fakes.samples import state_of
from tests.fakes.stored import broken_link, events_of, stored_of


async def seen(store: PostgresEventStore) -> Allocation:
    return await store.read(lambda uow: uow.get(Allocation, "a"))


def snapshots(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute("SELECT version FROM snapshots WHERE stream = %s", (STREAM,)).fetchall()


@pytest.fixture
def empty_url(empty_url: str) -> str:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("TRUNCATE snapshots")
    return empty_url


async def test_holds_of_a_batch_are_one_event_and_each_caller_has_its_own_answer(postgres: PostgresEventStore) -> None:
    """In the order of arrival; a refused hold takes no seats."""
    await postgres.commit(opening(capacity=3))
    async with one_batch(postgres):
        wanted = [("a", 1), ("b", 5), ("c", 2), ("d", 1)]
        sent = [asyncio.create_task(postgres.commit(holding(key, "a", quantity))) for key, quantity in wanted]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [answer.value for answer in (answers[0], answers[2]) if not isinstance(answer, BaseException)] == [2, 0]
    assert [isinstance(answer, SeatsUnavailable) for answer in answers] == [False, True, False, True]
    (placed,) = (vars(event)["holds"] for event in events_of(postgres, STREAM)[1:])
    assert [hold["key"] for hold in placed] == ["a", "c"]


@pytest.mark.parametrize("coalesces", [True, False])
async def test_simultaneous_callers_are_one_batch(empty_url: str, *, coalesces: bool) -> None:
    """Also when each caller yields to the committer, as a socket read does; without coalescing they are several."""
    async with opened(empty_url, coalesces=coalesces) as store:
        await store.commit(opening())

        async def come(key: str) -> None:
            time.sleep(0.005)  # noqa: ASYNC251 - releases the interpreter's lock, as a socket does
            await store.commit(holding(key))

        await asyncio.gather(*(come(str(number)) for number in range(20)))
        batches = [len(vars(event)["holds"]) for event in events_of(store, STREAM)[1:]]
        assert (batches == [20]) is coalesces
        assert sum(batches) == 20


async def test_a_full_queue_refuses_at_once(empty_url: str) -> None:
    """A full queue raises `OverloadedError`, and the decisions in it are still committed."""
    async with opened(empty_url, queue_max=3) as store:
        await store.commit(opening())
        async with one_batch(store):
            sent = [asyncio.create_task(store.commit(holding(str(number)))) for number in range(5)]
            done, _ = await asyncio.wait(sent[3:], timeout=5)
            assert len(done) == 2
        answers = await asyncio.gather(*sent, return_exceptions=True)
        assert [isinstance(answer, OverloadedError) for answer in answers] == [False] * 3 + [True] * 2
        assert await stock(store) == (47, ["0", "1", "2"])


async def test_a_decision_that_times_out_in_the_queue_is_never_made(empty_url: str) -> None:
    """Its caller gets an error in time, also while the committer is busy, and it is not made later."""
    async with opened(empty_url, timeout_seconds=1) as store, opened(empty_url) as patient:
        await store.commit(opening())
        began = time.monotonic()
        with pytest.raises(TransientError):  # the decision that blocks the committer times out too
            await wait_in_vain(store)
        assert time.monotonic() - began < 4
        assert (await store.commit(holding("next"))).value == 49
        assert await stock(patient) == (49, ["next"])


async def wait_in_vain(store: PostgresEventStore) -> None:
    async with one_batch(store):
        with pytest.raises(OverloadedError):
            await store.commit(holding("late"))


async def test_a_cancelled_decision_is_not_made(empty_url: str) -> None:
    """A decision whose caller was cancelled while it waited is skipped."""
    async with opened(empty_url) as store:
        await store.commit(opening())
        async with one_batch(store):
            gone = asyncio.create_task(store.commit(holding("gone")))
            await asyncio.sleep(0)
            gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await stock(store) == (50, [])


def hold_and_release(number: int) -> Any:
    def decide(uow: UnitOfWork) -> None:
        floor = uow.get(Allocation, "a")
        floor.place(f"gone-{number}", 1, UNTIL, "test", uow.at)
        floor.release(f"gone-{number}", "expired", uow.at)

    return decide


async def test_a_snapshot_bounds_the_load_and_changes_nothing(postgres: PostgresEventStore, empty_url: str) -> None:
    """After many events a new process loads the snapshot, sees the same stock, and continues the hash chain."""
    await postgres.commit(opening())
    for number in range(EVENTS_BETWEEN_SNAPSHOTS // 2):
        await postgres.commit(hold_and_release(number))
    await postgres.commit(holding("kept"))
    ((version,),) = snapshots(empty_url)
    assert version >= EVENTS_BETWEEN_SNAPSHOTS
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DELETE FROM events WHERE originator_version < %s", (version,))
    async with opened(empty_url) as cold:
        assert await stock(cold) == (49, ["kept"])
        assert (await cold.commit(holding("after"))).value == 48
    assert broken_link_after(postgres, version) is None


def broken_link_after(store: PostgresEventStore, version: int) -> int | None:
    """Return the first version after this one whose link is broken."""
    stored = stored_of(store, STREAM)
    assert stored[0].originator_version == version
    found = broken_link(stored)
    return None if found == version else found


CHANGES: list[LiteralString] = ["digest = 'x'", "shape = 99", "version = 10000"]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_snapshot_that_does_not_match_the_events_is_ignored(
    postgres: PostgresEventStore, empty_url: str, change: LiteralString
) -> None:
    """An edited, outdated or orphaned snapshot is ignored, and the events are loaded."""
    await postgres.commit(opening())
    for number in range(EVENTS_BETWEEN_SNAPSHOTS // 2):
        await postgres.commit(hold_and_release(number))
    await postgres.commit(holding("kept"))
    warm = state_of(await seen(postgres))
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(SQL("UPDATE snapshots SET state = 'nonsense', {}").format(SQL(change)))
    async with opened(empty_url) as cold:
        assert state_of(await seen(cold)) == warm
        assert (await cold.commit(holding("after"), (STREAM,))).value == 48


async def test_processes_see_each_others_events_despite_their_caches(
    postgres: PostgresEventStore, empty_url: str
) -> None:
    """Each decides on the stock as the other one left it, although it has a cached copy."""
    await postgres.commit(opening(capacity=10))
    async with opened(empty_url) as other:
        for number in range(5):
            assert (await postgres.commit(holding(f"one-{number}"))).value == 9 - 2 * number
            assert (await other.commit(holding(f"two-{number}"))).value == 8 - 2 * number
    assert AT + timedelta(minutes=10) == UNTIL
    assert broken_link(stored_of(postgres, STREAM)) is None


def test_a_crowd_is_counted_over_a_moment_and_forgotten_after_it() -> None:
    """The fuller of two windows counts, so that a new window does not hide a crowd."""
    crowd = Crowd()
    crowd.count(40, 10.0)
    crowd.count(50, 10.4)
    assert crowd.number(10.4) == 90
    crowd.count(1, 10.6)
    assert crowd.number(10.6) == 90
    crowd.count(2, 11.2)
    assert crowd.number(11.2) == 2
    assert crowd.number(12.3) == 0


@pytest.mark.parametrize("callers", [LINE - 1, LINE])
async def test_only_callers_who_wait_together_are_a_crowd(callers: int) -> None:
    """However many come one after the other, a process that keeps up has none."""
    queue = CommitQueue(100, 9)
    waiting = [asyncio.ensure_future(queue.submit(lambda _: None)) for _ in range(callers)]
    await asyncio.sleep(0)
    assert len(queue.take_batch(100)) == callers
    assert queue.crowd == (callers if callers == LINE else 0)
    for one in waiting:
        one.cancel()
