"""Load time of an allocation after many ended holds, beside a fresh one."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from adapters.event_store.store import PostgresEventStore
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import json_of
from bench.fixtures.event_store import HOLD, TICKET_TYPE, open_stock, open_store
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation

OPEN = 1_000
ENDED = 100_000
PER_DECISION = 500
LOADS = 5
HELD = (1, "2026-01-01T00:00:00+00:00", "bench", "", True, "held", ())  # a hold in a snapshot, after its key
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Calendar:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = LONG_AGO

    def __call__(self) -> datetime:
        """Return its time."""
        return self.at


def _holding(first: int, number: int, *, ended: bool) -> partial[None]:
    return partial(_hold, keys=[f"pu_{one}:hold:1" for one in range(first, first + number)], ended=ended)


def _hold(unit: UnitOfWork, keys: list[str], *, ended: bool) -> None:
    stock = unit.get(Allocation, TICKET_TYPE)
    for key in keys:
        stock.place(key, 1, unit.at + HOLD, "bench", unit.at)
    for key in keys if ended else ():
        stock.release(key, "hold-expired", unit.at)


async def _fill(store: PostgresEventStore, calendar: Calendar, ended: int) -> None:
    for first in range(0, ended, PER_DECISION):
        await store.commit(_holding(first, PER_DECISION, ended=True))
        calendar.at += timedelta(seconds=30)
    calendar.at += timedelta(days=3)
    for first in range(ended, ended + OPEN, PER_DECISION):
        await store.commit(_holding(first, PER_DECISION, ended=False))


async def _load(store: PostgresEventStore) -> float:
    """Return the milliseconds to load the allocation without a cache."""
    await store.read(lambda unit: unit.find(Allocation, "another"))
    began = time.perf_counter()
    held = await store.read(lambda unit: unit.get(Allocation, TICKET_TYPE).held)
    passed = time.perf_counter() - began
    if held != OPEN:
        raise RuntimeError(f"{held} seats are held, not {OPEN}")
    return passed * 1000


@contextmanager
def _after(url: str, ended: int) -> Iterator[Candidate]:
    calendar = Calendar()
    with open_store(url, calendar) as store:
        open_stock(store)
        asyncio.run(_fill(store, calendar, ended))

    def measure() -> float:
        times = []
        for _ in range(LOADS):
            with open_store(url, calendar) as cold:
                times.append(asyncio.run(_load(cold)))
        return sorted(times)[LOADS // 2]

    yield Candidate(measure, f"{OPEN:,} open holds after {ended:,} that ended" if ended else f"{OPEN:,} open holds")


ROWS = (
    Row(
        "load-of-a-big-allocation",
        "ms",
        json_of([[f"held:{number:032}", *HELD] for number in range(OPEN)]),
        Side("after 100,000 holds", partial(_after, ended=ENDED)),
        (Baseline(Side("fresh", partial(_after, ended=0)), at_most=3),),
    ),
)
