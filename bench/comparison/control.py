"""Control measurements of the machine before and after a row; if they differ, the row is not judged."""

import os
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.http_client import Load
from bench.load.http_client import run as run_load

SAMPLES = 5
SECONDS = 0.25
PAGE_BYTES = 8192
CONNECTIONS = 16


class Sample(NamedTuple):
    """One control measurement."""

    fdatasync_per_second: float
    empty_route_per_second: float


class Control:
    """Measures fdatasync in a folder and an empty HTTP route."""

    def __init__(self, folder: Path, port: int) -> None:
        self._file = folder / "control"
        self._load = Load("127.0.0.1", port, CONNECTIONS)
        self.samples: list[Sample] = []

    def sample(self) -> Sample:
        """Return the medians of several short measurements."""
        syncs = [self._fdatasync() for _ in range(SAMPLES)]
        routes = [run_load(self._load, SECONDS).per_second for _ in range(SAMPLES)]
        sample = Sample(median(syncs), median(routes))
        self.samples.append(sample)
        return sample

    def _fdatasync(self) -> float:
        page = os.urandom(PAGE_BYTES)
        file = os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            began, count = time.perf_counter(), 0
            while (passed := time.perf_counter() - began) < SECONDS:
                os.pwrite(file, page, (count % 64) * PAGE_BYTES)
                os.fdatasync(file)
                count += 1
        finally:
            os.close(file)
        return count / passed


def largest_change(before: Sample, after: Sample) -> float:
    """Return the largest relative change of any figure, 0.25 for a quarter."""
    return max(abs(then - now) / max(then, now) for then, now in zip(before, after, strict=True))
