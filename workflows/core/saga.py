"""The saga kernel: compensable steps, and compensations that cannot be lost.

The shapes in common use leak under cancellation: `except Exception` never sees a CancelledError, and a second cancel
ends a shielded compensation. Here every await of a step or of an undo drains: the task is shielded, a cancel that
arrives meanwhile is remembered by the server (`cancellation_reason`), and is raised after the step, when its undo is
known to be needed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from temporalio import workflow
from temporalio.exceptions import FailureError

T = TypeVar("T")
Undo = Callable[[], Coroutine[Any, Any, None]]


async def drain(work: Coroutine[Any, Any, T]) -> T:
    """Await work to its end, shielded from cancels that arrive meanwhile."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cast("asyncio.Task[Any]", asyncio.current_task()).uncancel()
            if task.cancelled():
                raise
        except BaseException:
            if not task.done():
                raise  # the workflow is thrown away in the middle of it: nobody waits for the result
            break  # the task's own failure is raised below, by its result
    return task.result()


def raise_if_cancelled() -> None:
    """Raise the cancel that a drained step swallowed."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


async def step(work: Coroutine[Any, Any, T]) -> T:
    """Run a forward step to its end, then raise a cancel that arrived meanwhile."""
    result = await drain(work)
    raise_if_cancelled()
    return result


class Saga:
    """The reversible part of a workflow, as an `async with` block.

    Register each undo before its step. A refusal, a failed activity or a cancel runs them in reverse, each after the
    one before (`cause` says why); a bug (any other exception) runs none, so that the workflow task stays stuck and
    visible.
    """

    def __init__(self) -> None:
        self._undos: list[Undo] = []
        self.cause: BaseException | None = None

    def undo(self, compensate: Undo) -> None:
        """Register the compensation of the next step; it must succeed when there is nothing to undo."""
        self._undos.append(compensate)

    def pivot(self) -> None:
        """Drop all compensations: from here the saga only goes forward."""
        self._undos.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FailureError | asyncio.CancelledError):
            self.cause = error
            await drain(self._compensate())

    async def _compensate(self) -> None:
        while self._undos:
            await self._undos[-1]()
            self._undos.pop()


async def gather_all(*works: Awaitable[None]) -> None:
    """Run works concurrently until all have ended, then raise the first failure."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
