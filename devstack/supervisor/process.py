"""Describes a process of the stack: command, environment, health probe, and the processes it needs first."""

import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 20

Probe = Callable[[int], Awaitable[None]]
"""Takes the process's pid; returns once it is healthy, and raises otherwise."""

OnReady = Callable[[], Awaitable[Mapping[str, str]]]
"""Runs once a process is healthy for the first time, again if it raises; returns environment for who needs it."""


@dataclass(frozen=True)
class ProcessSpec:
    """A child process of the supervisor: command, environment, health probe and the processes it needs first.

    `withheld` names variables that it is not given, though the supervisor or other processes have them.
    A program of ours with `early`, its module and arguments, begins to import before those that it needs are healthy
    (`early.py`).
    `before_stop` runs before a healthy one is stopped, which happens even if it raises; it ends by itself.
    `stop_signal` stops it gracefully; the kernel sends it `orphan_signal` when the supervisor itself is killed.
    """

    name: str
    command: tuple[str, ...]
    probe: Probe
    env: Mapping[str, str] = field(default_factory=dict)
    withheld: Collection[str] = ()
    needs: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    on_ready: OnReady | None = None
    before_start: Callable[[], None] | None = None
    before_stop: Callable[[], Awaitable[None]] | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 15.0
    start_seconds: float = 30.0


class ProcessFailedError(RuntimeError):
    """A process did not become healthy at its first start; the message contains the end of its log."""


class ProcessEndedError(ProcessFailedError):
    """It ended by itself, before it was healthy."""


def tail_of(log: Path) -> str:
    """Return the last lines of a log file, or a placeholder."""
    if not log.exists():
        return "(no log)"
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join(lines) or "(the log is empty)"


def bind_to_parent(orphan_signal: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """Return a preexec function: the kernel then signals the child when its parent, we, dies, even by SIGKILL."""
    parent = parent or os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def set_death_signal() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
            if os.getppid() != parent:  # it died between fork and prctl
                os._exit(1)

    return set_death_signal
