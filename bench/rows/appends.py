"""Event store appends: single events of many callers, committed together or one by one."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import cast
from uuid import uuid4

from adapters.database.schema import ensure_schema
from adapters.event_store.recorder import event_mapper, open_recorder
from adapters.event_store.store import PostgresEventStore
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import json_of
from bench.fixtures.event_store import now
from bench.load.callers import TRIAL_SECONDS, best_of, threads_per_second
from bench.rows.stock.alternatives import POOLS
from bench.rows.stock.holds import committing
from domain.core.aggregate import DomainEvent
from domain.tickets.ticket import Ticket, TicketReserved

FIELDS = {"tenant_id": "bench", "purchase_id": "pu_bench", "show_id": "sh_bench", "ticket_type_id": "tt_bench"}
EVENT = {"originator_version": 1, "timestamp": now().isoformat(), **FIELDS}


def _appender(store: PostgresEventStore) -> Callable[[], Awaitable[object]]:
    numbers, prefix = count(), uuid4().hex

    def append() -> Awaitable[object]:
        ticket_id = f"ti_{prefix}_{next(numbers)}"
        return store.commit(lambda unit: unit.add(Ticket.begin(TicketReserved, ticket_id, unit.at, **FIELDS)))

    return append


@contextmanager
def _single(url: str) -> Iterator[Candidate]:
    """Save each event with the library's recorder, with the best number of threads."""
    ensure_schema(url)
    recorder, mapper = open_recorder(url, max(POOLS)), event_mapper()

    def save(prefix: str, numbers: Iterator[int]) -> None:
        ticket = Ticket.begin(TicketReserved, f"ti_{prefix}_{next(numbers)}", now(), **FIELDS)
        recorder.insert_events([mapper.to_stored_event(cast(DomainEvent, event)) for event in ticket.collect_events()])

    def measure(threads: int, seconds: float) -> float:
        return threads_per_second([partial(save, uuid4().hex, count()) for _ in range(threads)], seconds)

    try:
        best = best_of(lambda threads: measure(threads, TRIAL_SECONDS), POOLS)
        yield Candidate(partial(measure, best, 1.0), f"best pool: {best} connections")
    finally:
        recorder.datastore.close()


ROWS = (
    Row(
        "store-appends",
        "events/s",
        json_of(EVENT),
        Side("group commit", partial(committing, acts_of=_appender)),
        (Baseline(Side("one save each", _single), 15),),
    ),
)
