"""The physical limit of each row, measured in the same run: a sync of the disk, a round trip, JSON, processor time.

A limit is what the machine gives to somebody who does nothing else. A row names the one that no better code could pass;
the share says how near our way comes to it.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import orjson
import psutil

from bench.comparison.control import SAMPLES, SECONDS, Sample

MS = 1000.0


class BusyCores:
    """Counts the time that all cores together worked while it is entered; the rest they were idle."""

    def __init__(self) -> None:
        self._worked = self._all = 0.0

    def __enter__(self) -> None:
        self._began = psutil.cpu_times()

    def __exit__(self, *_: object) -> None:
        passed = [now - then for now, then in zip(psutil.cpu_times(), self._began, strict=True)]
        named = dict(zip(self._began._fields, passed, strict=True))
        # A guest's time is counted in user's as well; a core that waits for the disk could work.
        whole = sum(passed) - named.get("guest", 0.0) - named.get("guest_nice", 0.0)
        self._all += whole
        self._worked += whole - named["idle"] - named.get("iowait", 0.0)

    @property
    def share(self) -> float:
        """The share that worked, from 0 to 1."""
        return self._worked / self._all


class Measured(NamedTuple):
    """Our figure per second, the cores in its rounds, and the control around them."""

    per_second: float
    cores: BusyCores
    samples: tuple[Sample, ...]


class Limit(NamedTuple):
    """A physical limit; `per_second` computes it in the row's own unit, per second."""

    name: str
    per_second: Callable[[Measured], float]


class Reached(NamedTuple):
    """A limit in the unit of its row, and the share of it that our figure reaches."""

    figure: float
    share: float


SYNC = Limit("fdatasync, one each", lambda one: max(sample.fdatasync_per_second for sample in one.samples))
ROUND_TRIP = Limit("a loopback round trip", lambda one: max(sample.round_trips_per_second for sample in one.samples))
PROCESSOR = Limit("the processor time of all cores", lambda one: one.per_second / one.cores.share)


def json_of(document: Any) -> Limit:
    """Return the limit of one core that does nothing but write and read this document as JSON."""
    return Limit("one core's JSON", lambda _: median(_json_per_second(document) for _ in range(SAMPLES)))


def _json_per_second(document: Any) -> float:
    began, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < SECONDS:
        orjson.loads(orjson.dumps(document))
        count += 1
    return count / passed


def reached(limit: Limit, unit: str, figure: float, cores: BusyCores, samples: tuple[Sample, ...]) -> Reached:
    """Return a row's limit in its unit; a unit of milliseconds is one over a rate."""
    is_time = unit == "ms"
    ours = MS / figure if is_time else figure
    per_second = limit.per_second(Measured(ours, cores, samples))
    return Reached(MS / per_second if is_time else per_second, ours / per_second)
