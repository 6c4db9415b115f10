"""What is done once a server is healthy is tried again, as its probe is."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.supervisor.probes import NotReadyError, ready_file_probe
from devstack.supervisor.process import OnReady, ProcessFailedError, ProcessSpec
from devstack.supervisor.supervisor import Supervisor

SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")
ENDS = (sys.executable, "-c", "import time; time.sleep(0.5)")


def stack(folder: Path, command: tuple[str, ...], on_ready: OnReady, seconds: float) -> Supervisor:
    async def healthy(_pid: int) -> None:
        return None

    server = ProcessSpec("server", command, healthy, on_ready=on_ready, start_seconds=seconds)
    return Supervisor((server,), folder, {}, {}, frozenset())


FAILS_ONCE = """
import os, pathlib, sys, time
tried = pathlib.Path(sys.argv[1])
if not tried.exists():
    tried.write_text("")
    sys.exit("address already in use")
tried.with_suffix(".ready").write_text(str(os.getpid()))
time.sleep(600)
"""


async def test_a_process_that_ends_at_its_first_start_is_started_once_more(tmp_path: Path) -> None:
    """As one whose port another program took between its choice and its use; its log tells both."""
    tried = tmp_path / "tried"
    command = (sys.executable, "-c", FAILS_ONCE, str(tried))
    process = ProcessSpec("server", command, ready_file_probe(tried.with_suffix(".ready")))
    statuses: list[dict[str, Any]] = []

    def see(status: dict[str, Any]) -> None:
        statuses.append(status)
        os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(Supervisor((process,), tmp_path, {}, {}, frozenset()).run(see), 30)
    [status] = statuses
    assert (status["processes"]["server"]["state"], status["processes"]["server"]["restarts"]) == ("healthy", 1)
    assert (tmp_path / "logs" / "server.log").read_text() == "address already in use\n"


async def test_a_process_that_ends_twice_fails_the_start(tmp_path: Path) -> None:
    process = ProcessSpec("server", (sys.executable, "-c", "exit('no')"), ready_file_probe(tmp_path / "never"))
    with pytest.raises(ProcessFailedError, match=r"(?s)server did not become healthy: exit status 1.*no\nno$"):
        await Supervisor((process,), tmp_path, {}, {}, frozenset()).run(lambda _: None)


async def never() -> Mapping[str, str]:
    raise NotReadyError("context deadline exceeded")


async def test_a_server_that_is_too_busy_at_first_is_asked_again(tmp_path: Path) -> None:
    tries = []

    async def told_at_the_third() -> Mapping[str, str]:
        tries.append(1)
        return {"TOLD": "at last"} if len(tries) == 3 else await never()

    ready = asyncio.Event()
    statuses: list[dict[str, Any]] = []
    supervisor = stack(tmp_path, SLEEPS, told_at_the_third, seconds=30)

    def see(status: dict[str, Any]) -> None:
        statuses.append(status)
        ready.set()

    running = asyncio.create_task(supervisor.run(see))
    async with asyncio.timeout(30):
        await ready.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await running
    assert len(tries) == 3
    assert statuses[0]["env"] == {"TOLD": "at last"}


async def test_a_server_that_stays_busy_fails_the_start_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match="server could not be set up: NotReadyError: context deadline exceed"):
        await stack(tmp_path, SLEEPS, never, seconds=0.3).run(lambda _: None)


async def test_a_server_that_ends_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(ProcessFailedError, match="server could not be set up: exit status 0"):
            await stack(tmp_path, ENDS, never, seconds=600).run(lambda _: None)
