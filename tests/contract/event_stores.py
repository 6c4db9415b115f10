"""Decisions for the tests of ledgers, on one kind of aggregate: the stock of a ticket type."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.event_store.store import PostgresLedger
from domain.core.unit_of_work import Desk
from domain.stock.allocation import Allocation, AllocationOpened
from tests.fakes.event_store import FakeLedger

Ledger = FakeLedger | PostgresLedger
AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
UNTIL = AT + timedelta(minutes=10)
STREAM = Allocation.stream("a")


def clock() -> datetime:
    return AT


def opening(identity: str = "a", capacity: int = 50) -> Callable[[Desk], Allocation]:
    """Decide to open a stock."""
    values = {"tenant_id": "t", "show_id": "sh", "ticket_type_id": identity, "capacity": capacity}
    return lambda desk: desk.add(Allocation.begin(AllocationOpened, identity, desk.at, **values))


def holding(key: str, identity: str = "a", quantity: int = 1) -> Callable[[Desk], int]:
    """Decide to hold seats; the answer is how many are left."""

    def decide(desk: Desk) -> int:
        stock = desk.get(Allocation, identity)
        stock.place(key, quantity, UNTIL, "test", desk.at)
        return stock.available

    return decide


def both(*decisions: Callable[[Desk], Any]) -> Callable[[Desk], list[Any]]:
    """Make one decision of several."""
    return lambda desk: [decide(desk) for decide in decisions]


async def stock(ledger: Ledger, identity: str = "a") -> tuple[int, list[str]]:
    """Read what is left, and the keys of all holds."""

    def look(desk: Desk) -> tuple[int, list[str]]:
        found = desk.get(Allocation, identity)
        return found.available, sorted(found.holds)

    return await ledger.read(look)


@asynccontextmanager
async def opened(url: str, **limits: Any) -> AsyncIterator[PostgresLedger]:
    """Open a ledger, as a process of its own would."""
    ledger = await asyncio.to_thread(PostgresLedger, url, clock, **limits)
    try:
        yield ledger
    finally:
        await asyncio.to_thread(ledger.close)


@asynccontextmanager
async def one_batch(ledger: Ledger) -> AsyncIterator[None]:
    """Keep the committer busy, so that all that is sent meanwhile goes into its next batch."""
    busy, free = threading.Event(), threading.Event()

    def decide(desk: Desk) -> None:
        busy.set()
        assert free.wait(10)

    if isinstance(ledger, FakeLedger):
        yield
        return
    blocked = asyncio.create_task(ledger.commit(decide))
    assert await asyncio.to_thread(busy.wait, 10)
    yield
    await asyncio.sleep(0)  # what was sent meanwhile is in the queue now
    free.set()
    await blocked
