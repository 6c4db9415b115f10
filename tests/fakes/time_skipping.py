"""Protocol of the library's time-skipping server; the library's own class is private."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.testing import WorkflowEnvironment


@runtime_checkable
class SkipsTime(Protocol):
    """A server that skips time."""

    def time_skipping_unlocked(self) -> AbstractAsyncContextManager[None]: ...


def skipping_time(server: WorkflowEnvironment) -> AbstractAsyncContextManager[None]:
    """Let a server skip to the next timer."""
    assert isinstance(server, SkipsTime)
    return server.time_skipping_unlocked()


async def release_time(server: WorkflowEnvironment, locks: int) -> None:
    """Release locks on a server's clock that no one will release.

    It passes by the wall while a workflow task or a try of an activity runs; the server never hears of the end of one
    whose workflow was terminated in the middle of it.
    """
    for _ in range(locks):
        await server.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
