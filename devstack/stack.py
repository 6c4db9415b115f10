"""A stack as its users see it: started as a process of its own, read from `stack.json`, stopped by SIGTERM."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from devstack.config import PORT_NAMES
from devstack.part import bind_to_parent, tail_of
from devstack.running import end_orphans
from devstack.state import SECRETS_FILE, STACK_FILE, read_json

ROOT = Path(__file__).parent.parent
UP = (sys.executable, "-m", "cli.main", "up")
POLL_SECONDS = 0.05
SUPERVISOR_LOG = "supervisor.log"


class StackFailedError(RuntimeError):
    """A stack did not start, or a part did not come back; the message carries the supervisor's last lines."""


class Stack:
    """A running stack, read from its data directory."""

    def __init__(self, folder: Path, process_id: int) -> None:
        self.folder = folder
        self.pid = process_id

    @property
    def facts(self) -> dict[str, Any]:
        """The content of `stack.json` now."""
        return read_json(self.folder / STACK_FILE)

    @property
    def urls(self) -> dict[str, str]:
        """The addresses: api, temporal, temporal_ui, postgres, stripe, solana_rpc, solana_ws."""
        urls: dict[str, str] = self.facts["urls"]
        return urls

    @property
    def env(self) -> dict[str, str]:
        """The environment that another process of ours needs, secrets included."""
        secret: dict[str, str] = read_json(self.folder / SECRETS_FILE)["env"]
        return {**secret, **self.facts["env"]}

    def part_pid(self, name: str) -> int | None:
        """Return the pid of a part, or None while it is down."""
        pid: int | None = self.facts["parts"][name]["pid"]
        return pid

    def kill(self, name: str) -> int:
        """Kill a part with SIGKILL, as a crash would, and return the pid that it had."""
        pid = self.part_pid(name)
        if pid is None:
            raise StackFailedError(f"{name} is not running")
        os.kill(pid, signal.SIGKILL)
        return pid

    async def healthy_again(self, name: str, old_pid: int, seconds: float = 30.0) -> int:
        """Wait until a part is healthy under another pid than `old_pid`, and return the new one."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            part = self.facts["parts"][name]
            if part["state"] == "healthy" and part["pid"] not in (None, old_pid):
                return int(part["pid"])
            await asyncio.sleep(POLL_SECONDS)
        raise StackFailedError(f"{name} did not come back in {seconds} s:\n{tail_of(Path(part['log']))}")


def up_command(folder: Path, ports: Mapping[str, int], up: Sequence[str] = UP) -> list[str]:
    """Return the command line of `boxoffice up`; a port that is not named is a free one."""
    named = [name for name in PORT_NAMES if name not in ("solana_ws", "postgres")]
    flags = [f"--{name.replace('_', '-')}-port={ports.get(name, 0)}" for name in named]
    return [*up, "--data-dir", str(folder), *flags, "--json"]


async def start_stack(
    folder: Path,
    ports: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    up: Sequence[str] = UP,
    seconds: float = 90.0,
) -> tuple[Stack, asyncio.subprocess.Process]:
    """Start a stack as a child process and wait until it is ready; `StackFailedError` with its words if it is not."""
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
        facts = read_json(folder / STACK_FILE)
        if facts.get("state") == "ready" and facts["supervisor"]["pid"] == child.pid:
            return Stack(folder, child.pid), child
        await asyncio.sleep(POLL_SECONDS)
    await stop_stack(folder, child)
    raise StackFailedError(f"the stack in {folder} did not become ready:\n{tail_of(log)}")


def _opened(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


async def stop_stack(folder: Path, child: asyncio.subprocess.Process, seconds: float = 60.0) -> None:
    """Stop a stack by SIGTERM and wait; whatever outlives that is killed by its pid."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), timeout=seconds)
        except TimeoutError:
            child.kill()
            await child.wait()
    facts = read_json(folder / STACK_FILE)
    if facts.get("state") != "stopped" and facts.get("supervisor", {}).get("pid") == child.pid:
        await asyncio.to_thread(end_orphans, facts, 10.0)


@asynccontextmanager
async def running_stack(
    folder: Path,
    ports: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    up: Sequence[str] = UP,
) -> AsyncIterator[Stack]:
    """Run a stack on free ports (or the named ones) for the length of a block, and leave no process behind."""
    stack, child = await start_stack(folder, ports, env, up)
    try:
        yield stack
    finally:
        await stop_stack(stack.folder, child)
