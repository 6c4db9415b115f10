"""Control measurements of the machine before and after a row; if they differ, the row is not judged."""

import os
import socket
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
    round_trips_per_second: float


class Control:
    """Measures fdatasync in a folder, an empty HTTP route, and loopback round trips to another process."""

    def __init__(self, folder: Path, route_port: int, echo_port: int) -> None:
        self._file = folder / "control"
        self._load = Load("127.0.0.1", route_port, CONNECTIONS)
        self._echo_port = echo_port
        self.samples: list[Sample] = []

    def sample(self) -> Sample:
        """Return the medians of several short measurements."""
        syncs = [self._fdatasync() for _ in range(SAMPLES)]
        routes = [run_load(self._load, SECONDS).per_second for _ in range(SAMPLES)]
        trips = [self._round_trips() for _ in range(SAMPLES)]
        sample = Sample(median(syncs), median(routes), max(trips))
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

    def _round_trips(self) -> float:
        with socket.create_connection(("127.0.0.1", self._echo_port)) as echo:
            echo.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            began, count = time.perf_counter(), 0
            while (passed := time.perf_counter() - began) < SECONDS:
                echo.sendall(b"x")
                if not echo.recv(1):
                    raise ConnectionResetError("the echo has ended")
                count += 1
        return count / passed


def largest_change(before: Sample, after: Sample) -> float:
    """Return the largest relative change of disk and route, 0.25 for a quarter.

    Round trips are several times faster where both ends happen to share a core, which says nothing about the machine.
    """
    return max(abs(then - now) / max(then, now) for then, now in zip(before[:2], after[:2], strict=True))
