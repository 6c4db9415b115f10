"""Protocol of the library's time-skipping server; the library's own class is private."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from temporalio.testing import WorkflowEnvironment


@runtime_checkable
class SkipsTime(Protocol):
    """A server that skips time."""

    def time_skipping_unlocked(self) -> AbstractAsyncContextManager[None]: ...


def skipping_time(server: WorkflowEnvironment) -> AbstractAsyncContextManager[None]:
    """Let a server skip to the next timer."""
    assert isinstance(server, SkipsTime)
    return server.time_skipping_unlocked()
