"""Runs one process of the stack: start, health, log, restart, stop."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import psutil

from devstack.supervisor.fork_server import Forked, ForkServer
from devstack.supervisor.probes import kill_group
from devstack.supervisor.process import (
    ROOT,
    ProcessEndedError,
    ProcessFailedError,
    ProcessSpec,
    bind_to_parent,
    tail_of,
)

PROBE_EVERY_SECONDS = 0.05
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
CALM_SECONDS = 1.0
LOG_BYTES_MAX = 50_000_000

T = TypeVar("T")
Child = asyncio.subprocess.Process | Forked


class ProcessRunner:
    """Runs a process; `keep` restarts it whenever it dies."""

    def __init__(self, process: ProcessSpec, folder: Path, on_change: Callable[[], object]) -> None:
        self.process = process
        self.folder = folder
        self.log = folder / "logs" / f"{process.name}.log"
        self.state = "waiting"
        self.restarts = 0
        self._on_change = on_change
        self._child: Child | None = None
        self._waiting: Child | None = None  # the child, until it may run
        self.is_stopping = False  # whoever keeps it may miss being cancelled: Python 3.11 can lose that in a wait

    def status(self) -> dict[str, Any]:
        """Return this process's entry of `stack.json`."""
        pid = self._child.pid if self._child is not None and self._child.returncode is None else None
        return {
            "pid": pid,
            "started": _start_time(pid),
            "state": self.state,
            "restarts": self.restarts,
            "log": str(self.log),
        }

    async def begin(self, env: Mapping[str, str], forks: ForkServer | None) -> None:
        """Start an early program, which imports until `start` lets it run; do nothing for others."""
        if self.process.early:
            await self._spawn(env, forks)

    async def start(self, env: Mapping[str, str]) -> None:
        """Start the process, or let one that began run, and wait until it is healthy.

        Raise `ProcessFailedError` if it ends or takes too long.
        """
        child, self._waiting = self._waiting or await self._spawn(env), None
        if isinstance(child, Forked):
            with self._opened_log() as out:
                child.run(self.process.early, self._environment(env), out)
        elif child.stdin is not None:
            child.stdin.write(json.dumps(self._environment(env)).encode())
            child.stdin.close()
        await self._until_healthy(child)
        self._set_state("healthy")

    async def start_first(self, env: Mapping[str, str]) -> None:
        """Start the process, once more if it ends: a port of its own may have been taken between choice and use."""
        try:
            await self.start(env)
        except ProcessEndedError:
            self.restarts += 1
            await self.start(env)

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in {**os.environ, **env}.items() if name not in self.process.withheld}
        return {**inherited, **self.process.env}

    async def _spawn(self, env: Mapping[str, str], forks: ForkServer | None = None) -> Child:
        if self.process.before_start is not None:
            await asyncio.to_thread(self.process.before_start)
        self._child = self._waiting = await (forks.fork(self.process.name) if forks else self._execute(env))
        self._set_state("starting")
        return self._child

    async def _execute(self, env: Mapping[str, str]) -> asyncio.subprocess.Process:
        with self._opened_log() as out:
            # The kernel's parent-death signal can only be set between fork and exec.
            return await asyncio.create_subprocess_exec(
                *self.process.command,
                stdin=asyncio.subprocess.PIPE if self.process.early else asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment(env),
                cwd=ROOT,
                user=self.process.user,
                start_new_session=True,
                preexec_fn=bind_to_parent(self.process.orphan_signal),
            )

    def _opened_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX
        return self.log.open("wb" if fresh else "ab")

    async def set_up(self) -> Mapping[str, str]:
        """Do what is done once the process is healthy; return what it adds to the environment.

        Tried again as a probe is: a server on a busy machine answers its probe well before it can do much else.
        Raise `ProcessFailedError` if the process ends or all tries fail.
        """
        on_ready, child = self.process.on_ready, self._child
        if on_ready is None or child is None:
            return {}
        return await self._until(child, on_ready, "could not be set up")

    async def _until_healthy(self, child: Child) -> None:
        try:
            await self._until(child, lambda: self.process.probe(child.pid), "did not become healthy")
        except ProcessFailedError:
            kill_group(child.pid, 9)
            await child.wait()
            raise

    async def _until(self, child: Child, ask: Callable[[], Awaitable[T]], failed: str) -> T:
        """Return what the process answers once it does; raise after `start_seconds`, or when it ends."""
        until = time.monotonic() + self.process.start_seconds
        reason = "no answer"
        while time.monotonic() < until and child.returncode is None:
            try:
                async with asyncio.timeout(max(0.1, until - time.monotonic())):
                    return await ask()
            except Exception as error:  # noqa: BLE001 - any error means: not ready yet
                reason = f"{type(error).__name__}: {error}"
                await asyncio.sleep(PROBE_EVERY_SECONDS)
        kind = ProcessFailedError
        if child.returncode is not None:
            reason, kind = f"exit status {child.returncode}", ProcessEndedError
        raise kind(f"{self.process.name} {failed}: {reason}\nlast lines of {self.log}:\n{tail_of(self.log)}")

    async def keep(self, env: Callable[[], Mapping[str, str]]) -> None:
        """Restart the process whenever it dies, after a growing pause, until `stop` is called."""
        failures = 0
        while self._child is not None and not self.is_stopping:
            calm_at = time.monotonic() + CALM_SECONDS
            await self._child.wait()
            if self.is_stopping:
                return
            kill_group(self._child.pid, 9)  # children that the dead process left behind
            failures = 0 if time.monotonic() > calm_at else failures
            self.restarts += 1
            self._set_state("restarting")
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1
            with suppress(ProcessFailedError, OSError):
                await self.start(env())

    async def stop(self) -> None:
        """Stop the process and its group: by its stop signal, then by SIGKILL after `stop_seconds`."""
        self.is_stopping = True
        child = self._child
        if child is None:
            return
        if child.returncode is None:
            await self._before_stop()
            with suppress(ProcessLookupError):
                child.send_signal(self.process.stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), timeout=self.process.stop_seconds)
        kill_group(child.pid, 9)
        await child.wait()
        self._set_state("stopped")

    async def _before_stop(self) -> None:
        if self.state == "healthy" and self.process.before_stop is not None:
            with suppress(Exception):  # it is stopped in any case
                await self.process.before_stop()

    def _set_state(self, state: str) -> None:
        self.state = state
        self._on_change()


def _start_time(pid: int | None) -> float | None:
    """Return a process's start time, which distinguishes it from a later one with the same pid."""
    if pid is None:
        return None
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def stop_orphans(stack: Mapping[str, Any], seconds: float) -> None:
    """Wait for the processes of a killed supervisor to end, and kill those that do not within `seconds`.

    On Linux the kernel has signalled them already; elsewhere they are killed at once.
    """
    known = [process for process in stack.get("processes", {}).values() if process.get("pid")]
    left = [process for process in known if _is_alive(process)]
    until = time.monotonic() + (seconds if sys.platform == "linux" else 0.0)
    while left and time.monotonic() < until:
        time.sleep(PROBE_EVERY_SECONDS)
        left = [process for process in left if _is_alive(process)]
    for process in left:
        kill_group(process["pid"], 9)


def _is_alive(process: Mapping[str, Any]) -> bool:
    try:
        found = psutil.Process(process["pid"])
        return found.create_time() == process["started"] and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
