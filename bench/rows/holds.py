"""Hot holds: one ticket type that everybody wants, beside the usual ways of taking a seat."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from adapters.runtime.gc_tuning import tune_gc
from bench.callers import CALLERS, tasks_per_second
from bench.contest import Against, Contestant, Row, Side
from bench.rows.plain_holds import ATOMIC, ATOMIC_ALONE, LOCKED, OPTIMISTIC
from bench.stock import holder, open_event_store, open_stock

PROCESSES = 3
START_SECONDS = 60


@contextmanager
def _store(url: str, callers: int) -> Iterator[Contestant]:
    with open_event_store(url) as store:
        open_stock(store)

        def measure() -> float:
            return asyncio.run(tasks_per_second(holder(store, uuid4().hex), callers))

        measure()  # the first connections and plans are not part of any round
        yield Contestant(measure, f"{callers} waiting callers" if callers > 1 else "one caller")


def _hold_in_process(url: str, told: Connection) -> None:
    """Hold for a round each time that the bench says so; ends when told nothing."""
    tune_gc()
    with open_event_store(url) as store:
        told.send(None)
        while (callers := told.recv()) is not None:
            told.send(asyncio.run(tasks_per_second(holder(store, uuid4().hex), callers)))


@contextmanager
def _processes(url: str, number: int) -> Iterator[Contestant]:
    with open_event_store(url) as store:
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
        yield Contestant(measure, f"{number} x {CALLERS} callers")
    finally:
        for one in ours:
            one.send(None)
        for child in children:
            child.join()


GROUPED = Side("group commit, event-sourced", partial(_store, callers=CALLERS))
ALONE = Side("group commit, event-sourced", partial(_store, callers=1))
ROWS = (
    Row("hot-holds", "holds/s", GROUPED, (Against(ATOMIC, 10), Against(LOCKED, 20), Against(OPTIMISTIC, 300))),
    Row("hot-holds-one-caller", "holds/s", ALONE, (Against(ATOMIC_ALONE, 0.5),)),
    Row(
        "hot-holds-3-processes",
        "holds/s",
        Side("three processes", partial(_processes, number=PROCESSES)),
        (Against(Side("one process", partial(_processes, number=1)), 0.7),),
    ),
)
