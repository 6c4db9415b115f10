"""A stack stops at once, but for what others still need."""

import asyncio
import os
import signal
import sys
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
