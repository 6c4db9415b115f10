"""One part of the stack: what is started, in which order, and how it is known to be healthy."""

import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 20

Probe = Callable[[int], Awaitable[None]]
"""Given the part's pid, returns when it is healthy and raises anything when it is not yet."""

Welcome = Callable[[], Awaitable[Mapping[str, str]]]
"""Runs once a part is healthy for the first time; returns environment for the parts that need it."""


@dataclass(frozen=True)
class Part:
    """A child process of the supervisor: command, environment, health probe and the parts it needs first.

    `stop_signal` ends it in order; `orphan_signal` is what the kernel sends it when the supervisor itself is killed.
    """

    name: str
    command: tuple[str, ...]
    probe: Probe
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    welcome: Welcome | None = None
    before_start: Callable[[], None] | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 15.0
    start_seconds: float = 30.0


class PartFailedError(RuntimeError):
    """A part did not become healthy at the first start; the message carries the tail of its log."""


def tail_of(log: Path) -> str:
    """Return the last lines of a log file, or a remark that there is none."""
    if not log.exists():
        return "(no log)"
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join(lines) or "(the log is empty)"


def bind_to_parent(orphan_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child runs before exec so that the kernel signals it when the supervisor dies, even by SIGKILL."""
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def ask_the_kernel() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
            if os.getppid() != parent:  # the supervisor died between fork and prctl
                os._exit(1)

    return ask_the_kernel
