"""The supervisor: starts processes in order, keeps them alive, writes `stack.json`, and stops them in reverse."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from devstack.supervisor.data_dir import STACK_FILE, write_json
from devstack.supervisor.fork_server import ForkServer
from devstack.supervisor.process import ProcessFailedError, ProcessSpec, tail_of
from devstack.supervisor.runner import ProcessRunner

STACK_VERSION = 1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs processes in one data directory; the caller holds the directory's lock.

    `env` is given to every process and grows by the results of their `on_ready`; names in `secret_names` are left out
    of `stack.json`. Early programs come from `forks` at the first start, and are processes of their own when they are
    restarted.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        folder: Path,
        description: Mapping[str, Any],
        env: Mapping[str, str],
        secret_names: frozenset[str],
        forks: ForkServer | None = None,
    ) -> None:
        self._folder = folder
        self._description = dict(description)
        self._env = dict(env)
        self._secret_names = secret_names
        self._forks = forks
        self._state = "starting"
        self._runners = {process.name: ProcessRunner(process, folder, self._write_status) for process in processes}
        self._ready_events = {process.name: asyncio.Event() for process in processes}
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Start everything, call `ready` with the content of `stack.json`, and stop everything on a stop signal.

        A process that fails its first start stops the others and raises `ProcessFailedError`.
        """
        stop_requested = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, stop_requested.set)
        stopped = asyncio.create_task(stop_requested.wait())
        started = asyncio.create_task(self._start_all())
        try:
            await asyncio.wait({stopped, started}, return_when=asyncio.FIRST_COMPLETED)
            if started.done():
                started.result()
                self._state = "ready"
                ready(self._write_status())
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
                for runner in self._runners.values():
                    group.create_task(self._start_one(runner))
        except ExceptionGroup as failed:
            # Each process fails with its own ProcessFailedError; the first one causes the others.
            raise failed.exceptions[0] from None
        finally:
            if self._forks is not None:
                self._forks.close()

    async def _start_one(self, runner: ProcessRunner) -> None:
        try:
            await runner.begin(self._env, self._forks)
            for need in runner.process.needs:
                if need in self._ready_events:
                    await self._ready_events[need].wait()
            await runner.start_first(self._env)
            self._env.update(await runner.set_up())
        except ProcessFailedError:
            raise
        except Exception as error:
            output = getattr(error, "stderr", None) or b""
            detail = f"{type(error).__name__}: {error} {output.decode(errors='replace')}".strip()
            raise ProcessFailedError(
                f"{runner.process.name} could not be set up: {detail}\n{tail_of(runner.log)}"
            ) from error
        self._ready_events[runner.process.name].set()
        self._keepers.append(asyncio.create_task(runner.keep(lambda: self._env)))
        self._write_status()

    async def _stop_all(self) -> None:
        self._state = "stopping"
        for runner in self._runners.values():
            runner.is_stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        stopped = {name: asyncio.Event() for name in self._runners}
        await asyncio.gather(*(self._stop_one(runner, stopped) for runner in self._runners.values()))
        self._state = "stopped"
        self._write_status()

    async def _stop_one(self, runner: ProcessRunner, stopped: Mapping[str, asyncio.Event]) -> None:
        """Stop a process once all that need it are stopped."""
        for other in self._runners.values():
            if runner.process.name in other.process.needs:
                await stopped[other.process.name].wait()
        try:
            await runner.stop()
        finally:
            stopped[runner.process.name].set()

    def _write_status(self) -> dict[str, Any]:
        """Write `stack.json` and return its content."""
        content = {
            "version": STACK_VERSION,
            "state": self._state,
            "supervisor": {"pid": os.getpid(), "started": psutil.Process().create_time()},
            **self._description,
            "processes": {name: runner.status() for name, runner in self._runners.items()},
            "env": {name: value for name, value in sorted(self._env.items()) if name not in self._secret_names},
        }
        write_json(self._folder / STACK_FILE, content)
        return content
