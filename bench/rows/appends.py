"""Store appends: single facts of many callers, saved together or one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import cast
from uuid import uuid4

from adapters.event_store.recorder import fact_mapper, open_recorder
from adapters.event_store.store import PostgresLedger
from adapters.schema import ensure_schema
from bench.callers import CALLERS, TRIAL_SECONDS, best_of, tasks_per_second, threads_per_second
from bench.contest import Against, Contestant, Row, Side
from bench.rows.plain_holds import POOLS
from bench.stock import now, open_ledger
from domain.core.aggregate import Fact
from domain.tickets.ticket import Ticket, TicketReserved

FACTS = {"tenant_id": "bench", "purchase_id": "pu_bench", "show_id": "sh_bench", "ticket_type_id": "tt_bench"}


def _appender(ledger: PostgresLedger) -> Callable[[], Awaitable[object]]:
    numbers, prefix = count(), uuid4().hex

    def append() -> Awaitable[object]:
        ticket_id = f"ti_{prefix}_{next(numbers)}"
        return ledger.commit(lambda desk: desk.add(Ticket.begin(TicketReserved, ticket_id, desk.at, **FACTS)))

    return append


@contextmanager
def _grouped(url: str) -> Iterator[Contestant]:
    with open_ledger(url) as ledger:

        def measure() -> float:
            return asyncio.run(tasks_per_second(_appender(ledger), CALLERS))

        measure()
        yield Contestant(measure, f"{CALLERS} callers")


@contextmanager
def _single(url: str) -> Iterator[Contestant]:
    """Save each fact with the library's recorder, from as many threads as are best."""
    ensure_schema(url)
    recorder, mapper = open_recorder(url, max(POOLS)), fact_mapper()

    def save(prefix: str, numbers: Iterator[int]) -> None:
        ticket = Ticket.begin(TicketReserved, f"ti_{prefix}_{next(numbers)}", now(), **FACTS)
        recorder.insert_events([mapper.to_stored_event(cast(Fact, fact)) for fact in ticket.collect_events()])

    def measure(threads: int, seconds: float) -> float:
        return threads_per_second([partial(save, uuid4().hex, count()) for _ in range(threads)], seconds)

    try:
        best = best_of(lambda threads: measure(threads, TRIAL_SECONDS), POOLS)
        yield Contestant(partial(measure, best, 1.0), f"best pool: {best} connections")
    finally:
        recorder.datastore.close()


ROWS = (
    Row("store-appends", "facts/s", Side("group commit", _grouped), (Against(Side("one save each", _single), 15),)),
)
