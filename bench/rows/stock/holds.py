"""Holds on one contended ticket type, beside usual alternatives."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from uuid import uuid4

from adapters.event_store.store import PostgresEventStore
from adapters.runtime.gc_tuning import tune_gc
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import PROCESSOR, SYNC, json_of
from bench.fixtures.event_store import TICKET_TYPE, hold_placer, open_stock, open_store
from bench.load.callers import CALLERS, tasks_per_second
from bench.rows.stock.alternatives import ATOMIC, ATOMIC_ALONE, LOCKED, OPTIMISTIC

PROCESSES = 3
PLACED = {"key": "bench:1", "quantity": 1, "until": "2026-01-01T00:00:00+00:00", "maker": "bench"}
START_SECONDS = 60


@contextmanager
def committing(
    url: str, acts_of: Callable[[PostgresEventStore], Callable[[], Awaitable[object]]], callers: int = CALLERS
) -> Iterator[Candidate]:
    """Measure decisions of this many callers, which the event store commits together."""
    with open_store(url) as store:

        def measure() -> float:
            return asyncio.run(tasks_per_second(acts_of(store), callers))

        measure()  # opens connections and prepares plans before the rounds
        yield Candidate(measure, f"{callers} callers" if callers > 1 else "one caller")


def _placer(store: PostgresEventStore) -> Callable[[], Awaitable[object]]:
    open_stock(store)
    return hold_placer(store, uuid4().hex)


def _hold_in_process(url: str, connection_to_bench: Connection, ticket_type_id: str) -> None:
    """Run a round of holds for each number of callers received; end on None."""
    tune_gc()
    with open_store(url) as store:
        connection_to_bench.send(None)
        while (callers := connection_to_bench.recv()) is not None:
            place = hold_placer(store, uuid4().hex, ticket_type_id)
            connection_to_bench.send(asyncio.run(tasks_per_second(place, callers)))


@contextmanager
def _processes(url: str, number: int, shows: int = 1) -> Iterator[Candidate]:
    """Hold seats in several processes; of several shows each process sells another one."""
    ticket_types = [f"{TICKET_TYPE}_{process % shows}" for process in range(number)]
    with open_store(url) as store:
        for ticket_type_id in ticket_types:
            open_stock(store, ticket_type_id)
    with ExitStack() as stack:
        ours = [stack.enter_context(_child(url, ticket_type_id)) for ticket_type_id in ticket_types]

        def measure() -> float:
            for one in ours:
                one.send(CALLERS)
            return float(sum(one.recv() for one in ours))

        measure()
        yield Candidate(measure, f"{number} x {CALLERS} callers")


@contextmanager
def _child(url: str, ticket_type_id: str) -> Iterator[Connection]:
    """Start a process that holds seats; yield its connection once it is ready."""
    spawn = multiprocessing.get_context("spawn")
    near, far = spawn.Pipe()
    child = spawn.Process(target=_hold_in_process, args=(url, far, ticket_type_id), daemon=True)
    child.start()
    try:
        if not near.poll(START_SECONDS):
            raise RuntimeError("a process of the bench did not start")
        near.recv()
        yield near
    finally:
        near.send(None)
        child.join()


GROUPED = Side("group commit, event-sourced", partial(committing, acts_of=_placer))
ALONE = Side("group commit, event-sourced", partial(committing, acts_of=_placer, callers=1))
ROWS = (
    Row(
        "hot-holds",
        "holds/s",
        json_of(PLACED),
        GROUPED,
        (Baseline(ATOMIC, 10), Baseline(LOCKED, 20), Baseline(OPTIMISTIC, 300)),
    ),
    Row("hot-holds-one-caller", "holds/s", SYNC, ALONE, (Baseline(ATOMIC_ALONE, 0.6),)),
    Row(
        "hot-holds-3-processes",
        "holds/s",
        PROCESSOR,
        Side("three processes", partial(_processes, number=PROCESSES)),
        (Baseline(Side("one process", partial(_processes, number=1)), 0.7),),
    ),
    Row(
        "hot-holds-3-shows",
        "holds/s",
        PROCESSOR,
        Side("three processes, a show each", partial(_processes, number=PROCESSES, shows=PROCESSES)),
        (Baseline(Side("one process, one show", partial(_processes, number=1)), 2),),
    ),
)
