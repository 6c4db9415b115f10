"""PinningWorkflow: a round over the files that tokens point to and that no node of IPFS keeps yet."""

from datetime import timedelta

from temporalio import workflow

from activities.core.commands import Command
from activities.core.task_queues import PURCHASES
from activities.tokens.pin import PinActivities, PinPage
from workflows.core.activity_calls import CallPolicy
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on

PIN_POLICY = CallPolicy(timedelta(seconds=120), 8, timedelta(seconds=30), heartbeat=timedelta(seconds=10))


class PinResult(Command):
    """The totals of a round."""

    pinned: int
    failed: int


@workflow_on(PURCHASES, name="PinningWorkflow", owner="deployment", stage="pinning", restarted_by="schedule pinning")
class PinningWorkflow(Operated):
    """Pins page by page; a file that cannot be pinned waits for the next round."""

    @workflow.init
    def __init__(self, start: PinPage) -> None:
        super().__init__()
        self._page = start

    @workflow.run
    async def run(self, start: PinPage) -> PinResult:
        """Pin every file that waits; return how many were, and how many could not be."""
        pinned = failed = 0
        while True:
            report = await self._caller.call(
                PinActivities.pin_files, self._page, PIN_POLICY, "pin a page of files", forward_only=True
            )
            pinned, failed = pinned + report.pinned, failed + report.failed
            if not report.last:
                break
            self._page = start.model_copy(update={"after": report.last})
            self._history.check()
        await self._end("pinned", f"Pinned {pinned} files; {failed} wait for the next round.")
        return PinResult(pinned=pinned, failed=failed)

    def next_input(self, start: PinPage) -> PinPage:  # noqa: ARG002 - part of the page
        """Go on after the last page; the totals are those of the last run."""
        return self._page
