"""A running stack for its users: started as a child process, read from `stack.json`, stopped by SIGTERM."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from devstack.config import PORT_DEFAULTS
from devstack.supervisor.data_dir import DEVELOPMENT_KEY, PUBLISHABLE_KEY, SECRETS_FILE, STACK_FILE, read_json
from devstack.supervisor.process import bind_to_parent, tail_of
from devstack.supervisor.runner import stop_orphans

ROOT = Path(__file__).parent.parent
UP = (sys.executable, "-m", "cli.main", "up")
POLL_SECONDS = 0.05
SUPERVISOR_LOG = "supervisor.log"


class StackFailedError(RuntimeError):
    """A stack did not start, or a process did not restart; the message contains the end of the log."""


class Stack:
    """A running stack, read from its data directory."""

    def __init__(self, folder: Path, process_id: int) -> None:
        self.folder = folder
        self.pid = process_id

    @property
    def status(self) -> dict[str, Any]:
        """The present content of `stack.json`."""
        return read_json(self.folder / STACK_FILE)

    @property
    def urls(self) -> dict[str, str]:
        """The addresses: api, temporal, temporal_ui, postgres, stripe, solana_rpc, solana_ws, inbox."""
        urls: dict[str, str] = self.status["urls"]
        return urls

    @property
    def env(self) -> dict[str, str]:
        """The environment of our processes: secrets, and settings that the stack was given, included."""
        kept = read_json(self.folder / SECRETS_FILE)
        return {**kept["env"], **self.status["env"], **kept.get("given", {})}

    @property
    def publishable_key(self) -> str:
        """The key with which a buyer's browser pays at the stack's Stripe."""
        return self.env[PUBLISHABLE_KEY]

    @property
    def key(self) -> dict[str, str]:
        """The header that authenticates with the development key, which has every scope."""
        return {"Authorization": f"Bearer {self.env[DEVELOPMENT_KEY]}"}

    def pid_of(self, name: str) -> int | None:
        """Return the pid of a process, or None while it is down."""
        pid: int | None = self.status["processes"][name]["pid"]
        return pid

    def kill(self, name: str) -> int:
        """Kill a process with SIGKILL, as a crash would, and return its pid."""
        pid = self.pid_of(name)
        if pid is None:
            raise StackFailedError(f"{name} is not running")
        os.kill(pid, signal.SIGKILL)
        return pid

    async def healthy_again(self, name: str, old_pid: int, seconds: float = 30.0) -> int:
        """Wait until a process is healthy under another pid than `old_pid`, and return the new pid."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            process = self.status["processes"][name]
            if process["state"] == "healthy" and process["pid"] not in (None, old_pid):
                return int(process["pid"])
            await asyncio.sleep(POLL_SECONDS)
        raise StackFailedError(f"{name} did not restart in {seconds} s:\n{tail_of(Path(process['log']))}")


def up_command(folder: Path, ports: Mapping[str, int], up: Sequence[str] = UP) -> list[str]:
    """Return the command line of `boxoffice up`; unnamed ports are free ones."""
    flags = [f"--{name.replace('_', '-')}-port={ports.get(name, 0)}" for name in PORT_DEFAULTS]
    return [*up, "--data-dir", str(folder), *flags, "--json"]


async def start_stack(
    folder: Path,
    ports: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    up: Sequence[str] = UP,
    seconds: float = 90.0,
) -> tuple[Stack, asyncio.subprocess.Process]:
    """Start a stack as a child process and wait until it is ready; raise `StackFailedError` otherwise."""
    log = folder / SUPERVISOR_LOG
    with _opened(log) as out:
        child = await asyncio.create_subprocess_exec(
            *up_command(folder, ports or {}, up),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            # SIGTERM, not SIGKILL: a caller that is killed leaves a stack that stops in order.
            preexec_fn=bind_to_parent(signal.SIGTERM),
        )
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.returncode is None:
        status = read_json(folder / STACK_FILE)
        if status.get("state") == "ready" and status["supervisor"]["pid"] == child.pid:
            return Stack(folder, child.pid), child
        await asyncio.sleep(POLL_SECONDS)
    await stop_stack(folder, child)
    raise StackFailedError(f"the stack in {folder} did not become ready:\n{tail_of(log)}")


def _opened(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


async def stop_stack(folder: Path, child: asyncio.subprocess.Process, seconds: float = 60.0) -> None:
    """Stop a stack by SIGTERM and wait; kill processes that remain."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), timeout=seconds)
        except TimeoutError:
            child.kill()
            await child.wait()
    status = read_json(folder / STACK_FILE)
    if status.get("state") != "stopped" and status.get("supervisor", {}).get("pid") == child.pid:
        await asyncio.to_thread(stop_orphans, status, 10.0)


@asynccontextmanager
async def running_stack(
    folder: Path,
    ports: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    up: Sequence[str] = UP,
) -> AsyncIterator[Stack]:
    """Run a stack on free ports (or the given ones) for the length of a block, and leave no process behind."""
    stack, child = await start_stack(folder, ports, env, up)
    try:
        yield stack
    finally:
        await stop_stack(stack.folder, child)
