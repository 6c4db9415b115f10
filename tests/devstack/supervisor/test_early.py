"""A program of ours imports while its servers start, and runs with what they told once they are healthy."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from devstack.config import EARLY
from devstack.supervisor.probes import ready_file_probe
from devstack.supervisor.process import ProcessFailedError, ProcessSpec
from devstack.supervisor.supervisor import Supervisor

SERVER = "import time; time.sleep(600)"
PROGRAM = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "imported").write_text("")
def main():
    told = " ".join(os.environ.get(name, "nothing") for name in ("TOLD", "OWN", "WITHHELD"))
    with (folder / "runs").open("a") as runs: runs.write(told + "\\n")
    (folder / "ready").write_text(str(os.getpid()))
    time.sleep(600)
"""


def stack(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """Return a program and its server, which is healthy only once the program has imported."""
    (folder / "a_program.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("WITHHELD", "of the supervisor alone")

    async def imported(_: int) -> None:
        (folder / "imported").read_text()

    async def tell() -> Mapping[str, str]:
        return {"TOLD": "by the server"}

    server = ProcessSpec("server", (sys.executable, "-c", SERVER), imported, on_ready=tell)
    early = ProcessSpec(
        "program",
        (*EARLY, "a_program", str(folder)),
        ready_file_probe(folder / "ready"),
        {"OWN": "its own"},
        withheld=("WITHHELD",),
        needs=("server",),
        early=True,
    )
    return Supervisor((server, early), folder, {}, {}, frozenset())


async def test_a_program_imports_first_and_runs_when_its_servers_are_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, it starts again with the same environment."""
    supervisor = stack(tmp_path, PROGRAM, monkeypatch)
    ready = asyncio.Event()
    running = asyncio.create_task(supervisor.run(lambda _: ready.set()))
    runs = tmp_path / "runs"
    async with asyncio.timeout(60):
        await ready.wait()
        assert runs.read_text() == "by the server its own nothing\n"
        os.kill(int((tmp_path / "ready").read_text()), signal.SIGKILL)
        while runs.read_text().count("\n") < 2:  # noqa: ASYNC110 - processes send no event
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await running
    assert set(runs.read_text().splitlines()) == {"by the server its own nothing"}


async def test_a_program_that_cannot_be_imported_fails_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is in the message, as of one that fails when it runs."""
    supervisor = stack(tmp_path, PROGRAM + "raise RuntimeError('no such part')\n", monkeypatch)
    async with asyncio.timeout(60):
        with pytest.raises(ProcessFailedError, match="no such part"):
            await supervisor.run(lambda _: None)
