"""One ticket type with seats enough for any bench, in the event store that production uses."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from activities.sales.order import hold_seats
from adapters.event_store.store import PostgresEventStore
from adapters.schema import ensure_schema
from domain.catalog.line import Line
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation, AllocationOpened

CAPACITY = 100_000_000
TICKET_TYPE = "tt_bench"
HOLD = timedelta(minutes=10)
LINES = (Line(ticket_type_id=TICKET_TYPE, quantity=1),)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


@contextmanager
def open_event_store(url: str, clock: Callable[[], datetime] = now) -> Iterator[PostgresEventStore]:
    """Make the schema and open an event store on it."""
    ensure_schema(url)
    store = PostgresEventStore(url, clock)
    try:
        yield store
    finally:
        store.close()


def open_stock(store: PostgresEventStore) -> None:
    """Open the ticket type, unless it is open."""

    def decide(uow: UnitOfWork) -> None:
        if uow.find(Allocation, TICKET_TYPE) is None:
            events = {"tenant_id": "bench", "show_id": "sh_bench", "ticket_type_id": TICKET_TYPE, "capacity": CAPACITY}
            uow.add(Allocation.begin(AllocationOpened, TICKET_TYPE, uow.at, **events))

    asyncio.run(_once(store, decide))


async def _once(store: PostgresEventStore, decide: Callable[[UnitOfWork], None]) -> None:
    await store.commit(decide)


def holder(store: PostgresEventStore, prefix: str) -> Callable[[], Awaitable[object]]:
    """Return what places one hold of one seat, as the activities do, under a new key each time."""
    numbers = count()

    def hold() -> Awaitable[object]:
        key = f"{prefix}:{next(numbers)}"
        return store.commit(lambda uow: hold_seats(uow, LINES, key, uow.at + HOLD, "bench"))

    return hold
