"""A stack stops at once, but for what others still need."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from devstack.supervisor.probes import ready_file_probe
from devstack.supervisor.process import ProcessSpec
from devstack.supervisor.supervisor import Supervisor

# A process that is ready at once, and takes half a second to stop.
SLOW = """
import os, pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def note(what): (folder / f"{name}.{what}").write_text(str(time.monotonic()))
def stop(*_):
    note("asked"); time.sleep(0.5); note("ended"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
(folder / f"{name}.ready").write_text(str(os.getpid()))
while True: time.sleep(1)
"""


async def test_a_stop_ends_a_restart_that_misses_it(tmp_path: Path) -> None:
    """Asked to stop while it is probed, it is healthy just then: a wait of Python 3.11 loses the cancel."""
    probes, restarting = 0, asyncio.Event()

    async def deaf(_pid: int) -> None:
        nonlocal probes
        probes += 1
        if probes == 2:
            restarting.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    command = (sys.executable, "-c", "import time; time.sleep(600)")
    supervisor = Supervisor((ProcessSpec("server", command, deaf),), tmp_path, {}, {}, frozenset())

    def ready(status: dict[str, Any]) -> None:
        os.kill(status["processes"]["server"]["pid"], signal.SIGKILL)

    running = asyncio.create_task(supervisor.run(ready))
    async with asyncio.timeout(30):
        await restarting.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def test_what_nobody_needs_stops_together(tmp_path: Path) -> None:
    """Two programs are asked at the same moment, and their server when both have ended."""

    def process(name: str, *needs: str) -> ProcessSpec:
        command = (sys.executable, "-c", SLOW, str(tmp_path), name)
        return ProcessSpec(name, command, ready_file_probe(tmp_path / f"{name}.ready"), needs=needs)

    processes = (process("server"), process("worker", "server"), process("api", "server"))
    supervisor = Supervisor(processes, tmp_path, {}, {}, frozenset())

    def ready(_: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(supervisor.run(ready), 60)

    def at(name: str, what: str) -> float:
        return float((tmp_path / f"{name}.{what}").read_text())

    assert at("api", "asked") < at("worker", "ended")
    assert at("worker", "asked") < at("api", "ended")
    assert at("server", "asked") >= max(at("api", "ended"), at("worker", "ended"))
