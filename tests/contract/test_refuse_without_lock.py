"""Refusals without the lock: a sold-out answer does not wait for other commits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from adapters.event_store.store import PostgresEventStore
from domain.core.errors import SeatsUnavailable
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.contract.event_stores import STREAM, both, holding, opened, opening, stock
from tests.fakes.stored import broken_link, stored_of

AT_ONCE_SECONDS = 5.0


@pytest.fixture
async def sold_out(postgres: PostgresEventStore) -> PostgresEventStore:
    """One seat, held by "a", and one refusal: the next batch is tried before the lock."""
    await postgres.commit(opening(capacity=1))
    await postgres.commit(holding("a"))
    with pytest.raises(SeatsUnavailable):
        await postgres.commit(holding("b"))
    return postgres


@pytest.fixture
async def other(sold_out: PostgresEventStore, empty_url: str) -> AsyncIterator[PostgresEventStore]:
    """Another process, started after the seat was held."""
    async with opened(empty_url) as store:
        yield store


def freeing(key: str) -> Callable[[UnitOfWork], None]:
    def decide(uow: UnitOfWork) -> None:
        uow.get(Allocation, "a").release(key, "test", uow.at)

    return decide


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the lock, as a transaction of another process does."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        yield


async def test_a_refusal_does_not_wait_for_the_lock(sold_out: PostgresEventStore, empty_url: str) -> None:
    """A decision with an event does."""
    with locked(empty_url):
        async with asyncio.timeout(AT_ONCE_SECONDS):
            with pytest.raises(SeatsUnavailable):
                await sold_out.commit(holding("c"))
        waiting = asyncio.create_task(sold_out.commit(holding("a")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert (await waiting).value == 0


async def test_a_read_does_not_wait_for_the_lock(sold_out: PostgresEventStore, empty_url: str) -> None:
    """A read of an aggregate is answered while another transaction holds the lock."""
    with locked(empty_url):
        async with asyncio.timeout(AT_ONCE_SECONDS):
            seen = await sold_out.read_with_position(lambda uow: uow.get(Allocation, "a").available, (STREAM,))
    assert (seen.value, seen.position) == (0, 2)


async def test_the_first_refusal_waits(postgres: PostgresEventStore, empty_url: str) -> None:
    """The extra read before the lock costs time: it is done only after a batch with nothing but refusals."""
    await postgres.commit(opening(capacity=1))
    await postgres.commit(holding("a"))
    with locked(empty_url):
        waiting = asyncio.create_task(postgres.commit(holding("b")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    with pytest.raises(SeatsUnavailable):
        await waiting


async def test_a_seat_that_another_process_released_is_sold(
    sold_out: PostgresEventStore, other: PostgresEventStore
) -> None:
    """The read before the lock sees all events appended before it."""
    await other.commit(freeing("a"))
    assert (await sold_out.commit(holding("c"))).value == 0
    assert await stock(sold_out) == (0, ["c"])
    with pytest.raises(SeatsUnavailable):
        await other.commit(holding("d"))
    assert broken_link(stored_of(sold_out, STREAM)) is None


async def test_a_decision_that_is_refused_at_its_end_leaves_nothing(sold_out: PostgresEventStore) -> None:
    """Its earlier changes are undone, also in the cached aggregates."""
    with pytest.raises(SeatsUnavailable):
        await sold_out.commit(holding("x"))
    await sold_out.commit(opening("other", capacity=2))
    for _ in range(3):
        with pytest.raises(SeatsUnavailable):
            await sold_out.commit(both(holding("y", "other"), holding("y")))
    assert await stock(sold_out, "other") == (2, [])
    assert (await sold_out.commit(holding("z", "other", 2))).value == 0


async def test_of_many_at_once_each_gets_its_own_answer(
    sold_out: PostgresEventStore, other: PostgresEventStore
) -> None:
    """One seat is released amid many commits in two processes: exactly one commit gets it."""
    crowd = [(sold_out, other)[number % 2].commit(holding(f"k{number}")) for number in range(200)]
    first = asyncio.gather(*crowd, return_exceptions=True)
    await asyncio.sleep(0)
    await other.commit(freeing("a"))
    again = [(sold_out, other)[number % 2].commit(holding(f"n{number}")) for number in range(200)]
    answers = [*await first, *await asyncio.gather(*again, return_exceptions=True)]
    sold = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(sold) == 1
    assert sum(isinstance(answer, SeatsUnavailable) for answer in answers) == 399
    assert (await stock(other))[0] == 0
    assert broken_link(stored_of(other, STREAM)) is None


async def test_a_lost_connection_is_no_refusal(sold_out: PostgresEventStore, empty_url: str) -> None:
    """The decision is made again under the lock, on another connection."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    with pytest.raises(SeatsUnavailable):
        await sold_out.commit(holding("c"))
    await sold_out.commit(freeing("a"))
    assert (await sold_out.commit(holding("c"))).value == 0


async def test_a_failing_read_without_lock_is_ignored(
    sold_out: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any error in it the committer goes on, and decides under the lock."""

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(sold_out._log, "read_without_lock", fail)
    with pytest.raises(SeatsUnavailable):
        await sold_out.commit(holding("c"))
    await sold_out.commit(freeing("a"))
    assert (await sold_out.commit(holding("c"))).value == 0
