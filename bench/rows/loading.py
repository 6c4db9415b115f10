"""Loading: an allocation through which many holds have gone is read about as fast as a fresh one."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from adapters.event_store.store import PostgresLedger
from bench.contest import Against, Contestant, Row, Side
from bench.stock import HOLD, TICKET_TYPE, open_ledger, open_stock
from domain.core.unit_of_work import Desk
from domain.stock.allocation import Allocation

OPEN = 1_000
ENDED = 100_000
PER_DECISION = 500
LOADS = 5
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Calendar:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = LONG_AGO

    def __call__(self) -> datetime:
        """Return the time that it shows."""
        return self.at


def _holding(first: int, number: int, *, ended: bool) -> partial[None]:
    return partial(_hold, keys=[f"pu_{one}:hold:1" for one in range(first, first + number)], ended=ended)


def _hold(desk: Desk, keys: list[str], *, ended: bool) -> None:
    stock = desk.get(Allocation, TICKET_TYPE)
    for key in keys:
        stock.place(key, 1, desk.at + HOLD, "bench", desk.at)
    for key in keys if ended else ():
        stock.release(key, "hold-expired", desk.at)


async def _fill(ledger: PostgresLedger, calendar: Calendar, ended: int) -> None:
    for first in range(0, ended, PER_DECISION):
        await ledger.commit(_holding(first, PER_DECISION, ended=True))
        calendar.at += timedelta(seconds=30)
    calendar.at += timedelta(days=3)
    for first in range(ended, ended + OPEN, PER_DECISION):
        await ledger.commit(_holding(first, PER_DECISION, ended=False))


async def _load(ledger: PostgresLedger) -> float:
    """Return the milliseconds that a process takes that has never seen the allocation."""
    await ledger.read(lambda desk: desk.find(Allocation, "another"))
    began = time.perf_counter()
    held = await ledger.read(lambda desk: desk.get(Allocation, TICKET_TYPE).held)
    passed = time.perf_counter() - began
    if held != OPEN:
        raise RuntimeError(f"{held} seats are held, not {OPEN}")
    return passed * 1000


@contextmanager
def _after(url: str, ended: int) -> Iterator[Contestant]:
    calendar = Calendar()
    with open_ledger(url, calendar) as ledger:
        open_stock(ledger)
        asyncio.run(_fill(ledger, calendar, ended))

    def measure() -> float:
        times = []
        for _ in range(LOADS):
            with open_ledger(url, calendar) as cold:
                times.append(asyncio.run(_load(cold)))
        return sorted(times)[LOADS // 2]

    yield Contestant(measure, f"{OPEN:,} open holds after {ended:,} that ended" if ended else f"{OPEN:,} open holds")


ROWS = (
    Row(
        "load-of-a-big-allocation",
        "ms",
        Side("after 100,000 holds", partial(_after, ended=ENDED)),
        (Against(Side("fresh", partial(_after, ended=0)), at_most=3),),
    ),
)
