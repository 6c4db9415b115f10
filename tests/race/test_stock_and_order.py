"""The event store's lock: without it a seat is sold twice and a reader misses an event; with it neither happens."""

import asyncio
import threading
from typing import Any, cast

import psycopg
from eventsourcing.persistence import StoredEvent

from adapters.event_store.store import PostgresEventStore
from domain.core.aggregate import DomainEvent
from domain.core.errors import SeatsUnavailable
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.invariant import STOCK
from domain.stock.allocation import Allocation
from tests.contract.event_stores import AT, UNTIL, holding, opening, stock
from tests.fakes.stored import log_of, recorder_of
from tests.race.judged import broken_invariants


async def decided_before_the_lock(store: PostgresEventStore, key: str, name: str = "a") -> StoredEvent:
    """Read and decide, without holding the lock until the event is stored."""
    seats = await store.read(lambda uow: uow.get(Allocation, name))
    seats.place(key, 1, UNTIL, "test", AT)
    (event,) = seats.collect_events()
    return store.mapper.linked(seats, cast(DomainEvent, event))


def insert(connection: psycopg.Connection[Any], event: StoredEvent) -> None:
    connection.execute(
        "INSERT INTO events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
        (event.originator_id, event.originator_version, event.topic, event.state),
    )


async def test_without_the_lock_the_last_seat_is_sold_twice(postgres: PostgresEventStore, empty_url: str) -> None:
    """Two buyers read the last seat, both decide, both are stored; the primary key is dropped here."""
    await postgres.commit(opening(capacity=1))
    events = [await decided_before_the_lock(postgres, key) for key in "ab"]
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE events DROP CONSTRAINT events_pkey")
        for event in events:
            insert(connection, event)
    assert STOCK.name in broken_invariants(postgres)


async def test_with_the_lock_the_last_seat_is_sold_once(
    postgres: PostgresEventStore, second: PostgresEventStore
) -> None:
    """Of two buyers in two processes one gets `SeatsUnavailable`, also without the primary key."""
    await postgres.commit(opening(capacity=1))
    with recorder_of(postgres) as recorder, recorder.datastore.transaction(commit=True) as cursor:
        cursor.execute("ALTER TABLE events DROP CONSTRAINT events_pkey")
    answers = await asyncio.gather(postgres.commit(holding("a")), second.commit(holding("b")), return_exceptions=True)
    assert sorted(type(answer) is SeatsUnavailable for answer in answers) == [False, True]
    assert (await stock(postgres))[0] == 0
    assert broken_invariants(postgres) == set()


async def test_without_the_lock_a_reader_misses_an_event(postgres: PostgresEventStore, empty_url: str) -> None:
    """The earlier position is committed later: a reader that has read the later one never sees it."""
    position = (await postgres.commit(lambda uow: [opening(name)(uow) for name in "ab"])).position
    first, other = [await decided_before_the_lock(postgres, "k", name) for name in "ab"]
    with psycopg.connect(empty_url) as slow:
        insert(slow, first)  # it has a position, but is not committed yet
        with psycopg.connect(empty_url, autocommit=True) as fast:
            insert(fast, other)
        seen = log_of(postgres, position)
        read_up_to = position + 2
        slow.commit()
    seen += log_of(postgres, read_up_to)
    assert [event.originator_id for event in seen] == [Allocation.stream("b")]


async def test_with_the_lock_a_reader_sees_every_event(
    postgres: PostgresEventStore, second: PostgresEventStore
) -> None:
    """A later decision waits for an earlier slow one, so positions are committed in order."""
    position = (await postgres.commit(lambda uow: [opening(name)(uow) for name in "ab"])).position
    deciding, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> int:
        available = holding("k", "a")(uow)
        deciding.set()
        assert go_on.wait(10)
        return available

    first = asyncio.create_task(postgres.commit(slow))
    await asyncio.to_thread(deciding.wait, 10)
    other = asyncio.create_task(second.commit(holding("k", "b")))
    await asyncio.sleep(0.3)
    seen = log_of(postgres, position)
    assert not other.done()
    go_on.set()
    await asyncio.gather(first, other)
    seen += log_of(postgres, position + len(seen))
    assert [event.originator_id for event in seen] == [Allocation.stream(name) for name in "ab"]
