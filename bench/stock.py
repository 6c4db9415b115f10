"""One ticket type with seats enough for any bench, in the ledger that production uses."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from activities.sales.order import hold_seats
from adapters.event_store.store import PostgresLedger
from adapters.schema import ensure_schema
from domain.catalog.line import Line
from domain.core.unit_of_work import Desk
from domain.stock.allocation import Allocation, AllocationOpened

CAPACITY = 100_000_000
TICKET_TYPE = "tt_bench"
HOLD = timedelta(minutes=10)
LINES = (Line(ticket_type_id=TICKET_TYPE, quantity=1),)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


@contextmanager
def open_ledger(url: str, clock: Callable[[], datetime] = now) -> Iterator[PostgresLedger]:
    """Make the schema and open a ledger on it."""
    ensure_schema(url)
    ledger = PostgresLedger(url, clock)
    try:
        yield ledger
    finally:
        ledger.close()


def open_stock(ledger: PostgresLedger) -> None:
    """Open the ticket type, unless it is open."""

    def decide(desk: Desk) -> None:
        if desk.find(Allocation, TICKET_TYPE) is None:
            facts = {"tenant_id": "bench", "show_id": "sh_bench", "ticket_type_id": TICKET_TYPE, "capacity": CAPACITY}
            desk.add(Allocation.begin(AllocationOpened, TICKET_TYPE, desk.at, **facts))

    asyncio.run(_once(ledger, decide))


async def _once(ledger: PostgresLedger, decide: Callable[[Desk], None]) -> None:
    await ledger.commit(decide)


def holder(ledger: PostgresLedger, prefix: str) -> Callable[[], Awaitable[object]]:
    """Return what places one hold of one seat, as the activities do, under a new key each time."""
    numbers = count()

    def hold() -> Awaitable[object]:
        key = f"{prefix}:{next(numbers)}"
        return ledger.commit(lambda desk: hold_seats(desk, LINES, key, desk.at + HOLD, "bench"))

    return hold
