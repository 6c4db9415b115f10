"""Imports the programs of a stack once, in one process, which is forked into each of them.

Nearly all of a program's start is imports, and our programs share most of theirs. On Linux only: elsewhere, and when it
is restarted, a program is a process of its own (`early.py`).
"""

import asyncio
import atexit
import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from devstack.supervisor.early import run
from devstack.supervisor.process import ROOT, ProcessFailedError, bind_to_parent

PR_SET_CHILD_SUBREAPER = 36
PID_BYTES = 20
TOLD_BYTES_MAX = 100_000
LOOK_SECONDS = 0.001


class Forked:
    """A program that has been imported; has what the supervisor uses of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._channel = channel
        self._ended = asyncio.Event()
        descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(descriptor, self._reap, descriptor)

    def run(self, argv: Sequence[str], env: Mapping[str, str], log: BinaryIO) -> None:
        """Let it run: `argv` begins with its module, `env` is its whole environment."""
        with self._channel, suppress(BrokenPipeError):  # it has been killed meanwhile
            socket.send_fds(self._channel, [json.dumps([argv, dict(env)]).encode()], [log.fileno()])

    def _reap(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()

    async def wait(self) -> int | None:
        """Wait until it has ended; return its exit status."""
        await self._ended.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)


class ForkServer:
    """The process that imports programs, with a fork after each; the forks are children of ours.

    `modules` are those of the programs by name, in the order in which they are wanted.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        pairs = {name: socket.socketpair(type=socket.SOCK_SEQPACKET) for name in modules}
        self._channels = {name: ours for name, (ours, _) in pairs.items()}
        _adopt_orphans(1)
        self._server: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, "-m", __name__, *(f"{modules[name]}={pairs[name][1].fileno()}" for name in modules)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # The kernel shows each fork with the environment of this process, whose secrets are not for all of them.
            env={name: value for name, value in os.environ.items() if not name.startswith("BOXOFFICE_")},
            cwd=ROOT,
            pass_fds=[theirs.fileno() for _, theirs in pairs.values()],
            start_new_session=True,
            preexec_fn=bind_to_parent(signal.SIGKILL),  # noqa: PLW1509 - there are no threads yet
        )
        for _, theirs in pairs.values():
            theirs.close()

    async def fork(self, name: str) -> Forked:
        """Return the fork of a program, once it is imported."""
        channel = self._channels[name]
        channel.settimeout(0)
        if not (pid := await asyncio.get_running_loop().sock_recv(channel, PID_BYTES)):
            raise ProcessFailedError(f"{name} was not forked: the process that imports it has ended")
        return Forked(int(pid), self._channels.pop(name))

    def close(self) -> None:
        """End the server, and the forks that nobody has taken."""
        _adopt_orphans(0)  # first: what the server leaves in the middle of a fork is not ours
        self._server.kill()
        self._server.wait()
        while self._channels:
            _, channel = self._channels.popitem()
            channel.settimeout(None)
            with channel:
                if pid := channel.recv(PID_BYTES):
                    os.kill(int(pid), signal.SIGKILL)
                    os.waitpid(int(pid), 0)


@contextmanager
def forking(modules: Mapping[str, str]) -> Iterator[ForkServer | None]:
    """Open a fork server of these programs; None without any, and where the system has no such forks."""
    if sys.platform != "linux" or not modules:
        yield None
        return
    forks = ForkServer(modules)
    try:
        yield forks
    finally:
        forks.close()


def _adopt_orphans(switch: int) -> None:
    """Let this process be the parent of what its children leave behind (1), or no longer (0)."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, switch, 0, 0, 0)


def serve(programs: Sequence[tuple[str, socket.socket]]) -> socket.socket:
    """Import each module and fork; return in each fork, with its channel."""
    supervisor = os.getppid()
    for module, channel in programs:
        with suppress(Exception):  # the fork imports it again, and has it in its log
            import_module(module)
        gc.freeze()
        if _is_fork(supervisor):
            for _, other in programs:
                if other is not channel:
                    other.close()
            Path("/proc/self/comm").write_text(module)  # for `top`: the command line is that of all of them
            channel.send(str(os.getpid()).encode())
            return channel
        channel.close()
    os._exit(0)  # what the programs do at their end is theirs


def _is_fork(supervisor: int) -> bool:
    """Fork twice, so that the supervisor is the parent; return whether this is the fork."""
    if os.fork():
        os.wait()
        return False
    between = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == between:
        time.sleep(LOOK_SECONDS)
    bind_to_parent(signal.SIGKILL, supervisor)()
    os.setsid()
    return True


def main() -> None:
    """Import, fork, and run in the forks what they are told."""
    gc.disable()  # it finds next to nothing in what is imported
    programs = []
    for given in sys.argv[1:]:
        module, _, descriptor = given.partition("=")
        programs.append((module, socket.socket(fileno=int(descriptor))))
    with serve(programs) as channel:
        told, logs, *_ = socket.recv_fds(channel, TOLD_BYTES_MAX, 1)
    if not told:
        os._exit(0)  # the start has ended without it
    os.dup2(logs[0], 1)
    os.dup2(logs[0], 2)
    os.close(logs[0])
    gc.enable()
    run(*json.loads(told))
    # The interpreter's own end would take each object apart, and so copy all the memory that the forks share.
    atexit._run_exitfuncs()  # noqa: SLF001 - the only way to run them
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
