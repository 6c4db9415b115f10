"""HoldWorkflow: expire a hold of the internal ticket API at its deadline."""

from temporalio import workflow

from activities.core.commands import HoldRef
from activities.core.task_queues import PURCHASES
from activities.sales.ticket_api_holds import HoldActivities
from workflows.core.activity_calls import STORE
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on


@workflow_on(PURCHASES, name="HoldWorkflow", owner="show", stage="holding", restarted_by="end holds")
class HoldWorkflow(Operated):
    """Waits for the hold's deadline, or for the signal that it ended earlier."""

    @workflow.init
    def __init__(self, start: HoldRef) -> None:
        super().__init__()
        self._start = start
        self._ended = False

    @workflow.run
    async def run(self, start: HoldRef) -> str:
        """Expire the hold unless it was confirmed or released; return its final state."""
        if start.until is not None:
            self._status.set_stage("holding", f"Expires at {start.until.isoformat(timespec='seconds')}.")
            try:
                await workflow.wait_condition(
                    lambda: self._ended, timeout=start.until - workflow.now(), timeout_summary="the hold's time"
                )
            except TimeoutError:
                self._status.set_stage("expiring", "The hold's time has passed.")
        state = await self._caller.call(
            HoldActivities.expire_reservation, start, STORE, "end the hold if it is still open", forward_only=True
        )
        await self._finish()
        return state

    @workflow.signal(name="hold_ended", description="For machines: the hold was confirmed or released")
    def hold_ended(self, *_: object) -> None:
        """End the wait: the hold was confirmed or released."""
        self._ended = True
