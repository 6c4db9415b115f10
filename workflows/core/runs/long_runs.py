"""Long runs: before a history is full its run ends, with everything in it, and the workflow continues as new.

Every workflow can be begun anew at any time, because what it has done is in the events and its steps are idempotent. So
the next run has the same input, unless a workflow carries more from one run to the next (`next_input`).
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.core import patches

GOES_ON = "goes-on-in-a-new-run"
RUN_MARK = "__temporal_workflow_run"


class RunEnds(BaseException):
    """The history is long: this run ends, and the workflow continues as new."""


class RunHistory:
    """Watches the length of the run's history; `ends` is true once the run is to end.

    With `stays` it does not end: it has begun to undo, and only this run knows why. `over` is true once nothing is
    left that an update still waits for.
    """

    def __init__(self) -> None:
        self.ends = self.stays = self.over = False
        self._awaited: list[Callable[[], bool]] = []

    def close(self) -> None:
        """Let go the updates that wait for something that cannot happen any more."""
        if any(not condition() for condition in self._awaited):
            self.over = patches.ACTS_END.on()

    def check(self) -> None:
        """Raise RunEnds when the run is to end; never in an update, which comes to its own end before."""
        if self.stays or workflow.current_update_info() is not None:
            return
        is_long = workflow.info().is_continue_as_new_suggested()
        self.ends = self.ends or (is_long and patches.HISTORIES_END.on())
        if self.ends:
            raise RunEnds

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait in an update, at most until the workflow is over; refuse it when the run ends before."""
        self._awaited.append(condition)
        try:
            await workflow.wait_condition(lambda: condition() or self.ends or self.over)
        finally:
            self._awaited.remove(condition)
        if not condition() and not self.over:
            raise ApplicationError("the workflow goes on in a new run: send it again", type=GOES_ON, non_retryable=True)


class Continued(Protocol):
    """A workflow that can continue as new."""

    async def leave_run(self) -> None:
        """Let updates that are under way come to their end, and show no needs of this run."""

    def next_input(self, start: Any) -> Any:
        """Return the input of the next run."""


def ended_before_long(run: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    """Make the run of a workflow continue as new when its history is long."""

    @functools.wraps(run)
    async def until_long(self: Continued, start: Any) -> Any:
        try:
            return await run(self, start)
        except RunEnds:
            await self.leave_run()
            workflow.continue_as_new(self.next_input(start))

    return until_long


WorkflowClass = TypeVar("WorkflowClass", bound=type)


def with_long_runs(kind: WorkflowClass) -> WorkflowClass:
    """Let the runs of a workflow end before their history is long."""
    for name, member in list(vars(kind).items()):
        if hasattr(member, RUN_MARK):
            setattr(kind, name, ended_before_long(member))
    return kind
