"""The supervisor: starts the parts in order, keeps them alive, tells `stack.json`, and stops them in reverse."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from devstack.part import Part, PartFailedError, tail_of
from devstack.running import RunningPart
from devstack.state import STACK_FILE, write_json

STACK_VERSION = 1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs a list of parts in one data directory; the caller holds the directory's lock.

    `env` is given to every part and grows by what the parts' welcomes return; names in `secret_names` stay out of
    `stack.json`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        folder: Path,
        facts: Mapping[str, Any],
        env: Mapping[str, str],
        secret_names: frozenset[str],
    ) -> None:
        self._folder = folder
        self._facts = dict(facts)
        self._env = dict(env)
        self._secret_names = secret_names
        self._state = "starting"
        self._running = {part.name: RunningPart(part, folder, self._write) for part in parts}
        self._welcomed = {part.name: asyncio.Event() for part in parts}
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Start everything, call `ready` with the content of `stack.json`, and stop everything on a stop signal.

        A part that fails its first start ends the rest and raises `PartFailedError`.
        """
        asked_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, asked_to_stop.set)
        stopped = asyncio.create_task(asked_to_stop.wait())
        started = asyncio.create_task(self._start_all())
        try:
            await asyncio.wait({stopped, started}, return_when=asyncio.FIRST_COMPLETED)
            if started.done():
                started.result()
                self._state = "ready"
                ready(self._tell())
                await stopped
        finally:
            for task in (started, stopped):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
            await self._stop_all()
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    async def _start_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for running in self._running.values():
                    group.create_task(self._start_one(running))
        except ExceptionGroup as failed:
            # Each part fails with a PartFailedError of its own; the first one is the cause of the rest.
            raise failed.exceptions[0] from None

    async def _start_one(self, running: RunningPart) -> None:
        for need in running.part.needs:
            if need in self._welcomed:
                await self._welcomed[need].wait()
        try:
            await running.start(self._env)
            if running.part.welcome is not None:
                self._env.update(await running.part.welcome())
        except PartFailedError:
            raise
        except Exception as error:
            said = getattr(error, "stderr", None) or b""
            detail = f"{type(error).__name__}: {error} {said.decode(errors='replace')}".strip()
            raise PartFailedError(
                f"{running.part.name} could not be set up: {detail}\n{tail_of(running.log)}"
            ) from error
        self._welcomed[running.part.name].set()
        self._keepers.append(asyncio.create_task(running.keep(lambda: self._env)))
        self._tell()

    async def _stop_all(self) -> None:
        self._state = "stopping"
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for running in reversed(self._stop_order()):
            await running.stop()
        self._state = "stopped"
        self._tell()

    def _stop_order(self) -> list[RunningPart]:
        """Return the parts so that each comes after what it needs."""
        ordered: list[RunningPart] = []
        for running in self._running.values():
            needed = [self._running[need] for need in running.part.needs if need in self._running]
            ordered.extend(one for one in (*needed, running) if one not in ordered)
        return ordered

    def _write(self) -> None:
        self._tell()

    def _tell(self) -> dict[str, Any]:
        """Write `stack.json` and return its content."""
        content = {
            "version": STACK_VERSION,
            "state": self._state,
            "supervisor": {"pid": os.getpid(), "started": psutil.Process().create_time()},
            **self._facts,
            "parts": {name: running.fact() for name, running in self._running.items()},
            "env": {name: value for name, value in sorted(self._env.items()) if name not in self._secret_names},
        }
        write_json(self._folder / STACK_FILE, content)
        return content
