"""Sample decisions for the tests of event stores, about the stock of a ticket type."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.event_store.store import PostgresEventStore
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation, AllocationOpened
from tests.fakes.event_store import FakeEventStore

EventStore = FakeEventStore | PostgresEventStore
AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
UNTIL = AT + timedelta(minutes=10)
STREAM = Allocation.stream("a")


def clock() -> datetime:
    return AT


def opening(identity: str = "a", capacity: int = 50) -> Callable[[UnitOfWork], Allocation]:
    """Return a decision that opens a stock."""
    values = {"tenant_id": "t", "show_id": "sh", "ticket_type_id": identity, "capacity": capacity}
    return lambda uow: uow.add(Allocation.begin(AllocationOpened, identity, uow.at, **values))


def holding(key: str, identity: str = "a", quantity: int = 1) -> Callable[[UnitOfWork], int]:
    """Return a decision that holds seats and returns the number still available."""

    def decide(uow: UnitOfWork) -> int:
        stock = uow.get(Allocation, identity)
        stock.place(key, quantity, UNTIL, "test", uow.at)
        return stock.available

    return decide


def both(*decisions: Callable[[UnitOfWork], Any]) -> Callable[[UnitOfWork], list[Any]]:
    """Combine decisions into one."""
    return lambda uow: [decide(uow) for decide in decisions]


async def stock(store: EventStore, identity: str = "a") -> tuple[int, list[str]]:
    """Return the available quantity and the keys of all holds."""

    def look(uow: UnitOfWork) -> tuple[int, list[str]]:
        found = uow.get(Allocation, identity)
        return found.available, sorted(found.holds)

    return await store.read(look)


@asynccontextmanager
async def opened(url: str, **limits: Any) -> AsyncIterator[PostgresEventStore]:
    """Open an event store, as another process would."""
    store = await asyncio.to_thread(PostgresEventStore, url, clock, **limits)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


@asynccontextmanager
async def one_batch(store: EventStore) -> AsyncIterator[None]:
    """Block the committer, so that all decisions sent meanwhile form its next batch."""
    busy, free = threading.Event(), threading.Event()

    def decide(uow: UnitOfWork) -> None:
        busy.set()
        assert free.wait(10)

    if isinstance(store, FakeEventStore):
        yield
        return
    blocked = asyncio.create_task(store.commit(decide))
    assert await asyncio.to_thread(busy.wait, 10)
    yield
    await asyncio.sleep(0)  # lets the sent decisions enter the queue
    free.set()
    await blocked
