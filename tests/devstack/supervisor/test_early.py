"""A program of ours imports while its servers start, and runs with what they told once they are healthy."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from devstack.config import EARLY
from devstack.supervisor.fork_server import ForkServer, forking
from devstack.supervisor.probes import ready_file_probe
from devstack.supervisor.process import ProcessFailedError, ProcessSpec
from devstack.supervisor.supervisor import Supervisor

SERVER = "import time; time.sleep(600)"
PROGRAM = """
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["PYTHONPATH"])
with (folder / "imported").open("a") as imported: imported.write("once ")
def main():
    told = " ".join(os.environ.get(name, "nothing") for name in ("TOLD", "OWN", "WITHHELD"))
    with (folder / "runs").open("a") as runs: runs.write(f"{sys.argv[1:]} {told}\\n")
    (folder / "ready").write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture(params=["forked", "of its own"])
def forks(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ForkServer | None]:
    """Where the program comes from: a fork, or a process of its own."""
    (tmp_path / "a_program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("WITHHELD", "of the supervisor alone")
    modules = {"program": "a_program", "unwanted": "json.tool"}
    with forking(modules) if request.param == "forked" else nullcontext() as made:
        yield made


def stack(folder: Path, forks: ForkServer | None) -> Supervisor:
    """Return a program and its server, which is healthy only once the program has imported."""

    async def imported(_: int) -> None:
        (folder / "imported").read_text()

    async def tell() -> Mapping[str, str]:
        return {"TOLD": "by the server"}

    server = ProcessSpec("server", (sys.executable, "-c", SERVER), imported, on_ready=tell)
    early = ProcessSpec(
        "program",
        (*EARLY, "a_program", "--given"),
        ready_file_probe(folder / "ready"),
        {"OWN": "its own"},
        withheld=("WITHHELD",),
        needs=("server",),
        early=("a_program", "--given"),
    )
    return Supervisor((server, early), folder, {}, {}, frozenset(), forks)


async def test_a_program_imports_first_and_runs_when_its_servers_are_healthy(
    tmp_path: Path, forks: ForkServer | None
) -> None:
    """Killed, it starts again with the same environment. Nothing is left but what was asked for."""
    ready = asyncio.Event()
    running = asyncio.create_task(stack(tmp_path, forks).run(lambda _: ready.set()))
    runs = tmp_path / "runs"
    told = "['--given'] by the server its own nothing"
    async with asyncio.timeout(60):
        await ready.wait()
        assert runs.read_text() == f"{told}\n"
        assert (tmp_path / "imported").read_text() == "once "
        pid = int((tmp_path / "ready").read_text())
        assert (os.getpgid(pid), psutil.Process(pid).ppid()) == (pid, os.getpid())
        assert len(psutil.Process().children(recursive=True)) == 2
        os.kill(pid, signal.SIGKILL)
        while runs.read_text().count("\n") < 2:  # noqa: ASYNC110 - processes send no event
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await running
    assert set(runs.read_text().splitlines()) == {told}
    assert psutil.Process().children() == []


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("raise RuntimeError('no such part')", "no such part"), ("sys.exit(7)", "exit status 7|was not forked")],
)
async def test_a_program_that_cannot_be_imported_fails_the_start(
    tmp_path: Path, forks: ForkServer | None, broken: str, reason: str
) -> None:
    """Its log is in the message, as of one that fails when it runs."""
    (tmp_path / "a_program.py").write_text(f"{PROGRAM}{broken}\n")
    async with asyncio.timeout(60):
        with pytest.raises(ProcessFailedError, match=reason):
            await stack(tmp_path, forks).run(lambda _: None)


async def test_a_program_that_ends_by_itself_ends_in_order(tmp_path: Path, forks: ForkServer | None) -> None:
    """What it registered for its end is done, and its last words are in its log, both times that it is started."""
    at_end = "import atexit; atexit.register(lambda: (folder / 'ended').open('a').write('in order '))"
    (tmp_path / "a_program.py").write_text(f"{PROGRAM}{at_end}\ndef main(): print('last words', end='')\n")
    async with asyncio.timeout(60):
        with pytest.raises(ProcessFailedError, match="exit status 0"):
            await stack(tmp_path, forks).run(lambda _: None)
    assert (tmp_path / "logs" / "program.log").read_text() == "last words" * 2
    assert (tmp_path / "ended").read_text().count("in order") == 2
