"""One running part: its process, its log and its state, kept alive until it is told to stop."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from devstack.part import Part, PartFailedError, bind_to_parent, tail_of
from devstack.probes import kill_group

PROBE_EVERY_SECONDS = 0.05
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
CALM_SECONDS = 1.0
LOG_BYTES_MAX = 50_000_000


class RunningPart:
    """A part with its process; `keep` starts it again whenever it dies."""

    def __init__(self, part: Part, folder: Path, changed: Callable[[], None]) -> None:
        self.part = part
        self.folder = folder
        self.log = folder / "logs" / f"{part.name}.log"
        self.state = "waiting"
        self.restarts = 0
        self._changed = changed
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = False

    def fact(self) -> dict[str, Any]:
        """Return what `stack.json` says of this part."""
        pid = self._child.pid if self._child is not None and self._child.returncode is None else None
        return {
            "pid": pid,
            "started": _started(pid),
            "state": self.state,
            "restarts": self.restarts,
            "log": str(self.log),
        }

    async def start(self, env: Mapping[str, str]) -> None:
        """Start the process and wait until it is healthy; `PartFailedError` if it ends or takes too long."""
        if self.part.before_start is not None:
            await asyncio.to_thread(self.part.before_start)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX
        with self.log.open("wb" if fresh else "ab") as out:
            # The kernel's parent-death signal has to be asked for between fork and exec; there is no other place.
            self._child = await asyncio.create_subprocess_exec(
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **env, **self.part.env},
                cwd=Path(__file__).parent.parent,
                user=self.part.user,
                start_new_session=True,
                preexec_fn=bind_to_parent(self.part.orphan_signal),
            )
        self._say("starting")
        await self._until_healthy(self._child)
        self._say("healthy")

    async def _until_healthy(self, child: asyncio.subprocess.Process) -> None:
        until = time.monotonic() + self.part.start_seconds
        reason = "it never answered"
        while time.monotonic() < until and child.returncode is None:
            try:
                await asyncio.wait_for(self.part.probe(child.pid), timeout=max(0.1, until - time.monotonic()))
            except Exception as error:  # noqa: BLE001 - whatever a probe raises means: not yet
                reason = f"{type(error).__name__}: {error}"
                await asyncio.sleep(PROBE_EVERY_SECONDS)
            else:
                return
        if child.returncode is not None:
            reason = f"it ended with status {child.returncode}"
        else:
            kill_group(child.pid, 9)
            await child.wait()
        raise PartFailedError(
            f"{self.part.name} did not become healthy: {reason}\nlast lines of {self.log}:\n{tail_of(self.log)}"
        )

    async def keep(self, env: Callable[[], Mapping[str, str]]) -> None:
        """Wait for the process to die and start it again, with a growing pause, until `stop` is called."""
        failures = 0
        while self._child is not None and not self._stopping:
            calm_at = time.monotonic() + CALM_SECONDS
            await self._child.wait()
            if self._stopping:
                return
            kill_group(self._child.pid, 9)  # what the dead process has left of its own group
            failures = 0 if time.monotonic() > calm_at else failures
            self.restarts += 1
            self._say("restarting")
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1
            with suppress(PartFailedError, OSError):
                await self.start(env())

    async def stop(self) -> None:
        """End the process in order, or by force after the part's time, with everything in its group."""
        self._stopping = True
        child = self._child
        if child is None:
            return
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.send_signal(self.part.stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), timeout=self.part.stop_seconds)
        kill_group(child.pid, 9)
        await child.wait()
        self._say("stopped")

    def _say(self, state: str) -> None:
        self.state = state
        self._changed()


def _started(pid: int | None) -> float | None:
    """Return when a process began, which tells it from a later one with the same pid."""
    if pid is None:
        return None
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def end_orphans(stack: Mapping[str, Any], seconds: float) -> None:
    """Wait for the parts of a killed supervisor to end, and kill those that do not within `seconds`.

    On Linux the kernel has told them already; elsewhere this is what ends them.
    """
    known = [part for part in stack.get("parts", {}).values() if part.get("pid")]
    left = [part for part in known if _lives(part)]
    until = time.monotonic() + (seconds if sys.platform == "linux" else 0.0)
    while left and time.monotonic() < until:
        time.sleep(PROBE_EVERY_SECONDS)
        left = [part for part in left if _lives(part)]
    for part in left:
        kill_group(part["pid"], 9)


def _lives(part: Mapping[str, Any]) -> bool:
    try:
        found = psutil.Process(part["pid"])
        return found.create_time() == part["started"] and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
