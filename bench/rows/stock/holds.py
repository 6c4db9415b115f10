"""Holds on one contended ticket type, beside usual alternatives."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from adapters.runtime.gc_tuning import tune_gc
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import PROCESSOR, SYNC, json_of
from bench.fixtures.event_store import hold_placer, open_stock, open_store
from bench.load.callers import CALLERS, tasks_per_second
from bench.rows.stock.alternatives import ATOMIC, ATOMIC_ALONE, LOCKED, OPTIMISTIC

PROCESSES = 3
PLACED = {"key": "bench:1", "quantity": 1, "until": "2026-01-01T00:00:00+00:00", "maker": "bench"}
START_SECONDS = 60


@contextmanager
def _group_commit(url: str, callers: int) -> Iterator[Candidate]:
    with open_store(url) as store:
        open_stock(store)

        def measure() -> float:
            return asyncio.run(tasks_per_second(hold_placer(store, uuid4().hex), callers))

        measure()  # opens connections and prepares plans before the rounds
        yield Candidate(measure, f"{callers} waiting callers" if callers > 1 else "one caller")


def _hold_in_process(url: str, connection_to_bench: Connection) -> None:
    """Run a round of holds for each number of callers received; end on None."""
    tune_gc()
    with open_store(url) as store:
        connection_to_bench.send(None)
        while (callers := connection_to_bench.recv()) is not None:
            connection_to_bench.send(asyncio.run(tasks_per_second(hold_placer(store, uuid4().hex), callers)))


@contextmanager
def _processes(url: str, number: int) -> Iterator[Candidate]:
    with open_store(url) as store:
        open_stock(store)
    spawn = multiprocessing.get_context("spawn")
    ours: list[Connection] = []
    children: list[Any] = []
    for _ in range(number):
        near, far = spawn.Pipe()
        child = spawn.Process(target=_hold_in_process, args=(url, far), daemon=True)
        child.start()
        ours.append(near)
        children.append(child)

    def measure() -> float:
        for one in ours:
            one.send(CALLERS)
        return float(sum(one.recv() for one in ours))

    for one in ours:
        if not one.poll(START_SECONDS):
            raise RuntimeError("a process of the bench did not start")
        one.recv()
    try:
        measure()
        yield Candidate(measure, f"{number} x {CALLERS} callers")
    finally:
        for one in ours:
            one.send(None)
        for child in children:
            child.join()


GROUPED = Side("group commit, event-sourced", partial(_group_commit, callers=CALLERS))
ALONE = Side("group commit, event-sourced", partial(_group_commit, callers=1))
ROWS = (
    Row(
        "hot-holds",
        "holds/s",
        json_of(PLACED),
        GROUPED,
        (Baseline(ATOMIC, 10), Baseline(LOCKED, 20), Baseline(OPTIMISTIC, 300)),
    ),
    Row("hot-holds-one-caller", "holds/s", SYNC, ALONE, (Baseline(ATOMIC_ALONE, 0.5),)),
    Row(
        "hot-holds-3-processes",
        "holds/s",
        PROCESSOR,
        Side("three processes", partial(_processes, number=PROCESSES)),
        (Baseline(Side("one process", partial(_processes, number=1)), 0.7),),
    ),
)
