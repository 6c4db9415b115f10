"""DisputeWorkflow: follow a dispute from its first webhook event to its end."""

import contextlib
from datetime import timedelta

from temporalio import workflow

from activities.core.acts import GIVE_UP, GiveUp
from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from activities.disputes.follow import ENDS, DisputeActivities
from workflows.core.activity_calls import STRIPE_POLICY, RefusedStep
from workflows.core.acts import Outcome, operator_act
from workflows.core.operated import GIVEN_UP, Operated
from workflows.core.task_queue import workflow_on

LOOK_EVERY = timedelta(hours=6)  # a webhook comes first, unless it was lost


@workflow_on(PURCHASES, name="DisputeWorkflow", owner="purchase", stage="disputed", restarted_by="resume follow-ups")
class DisputeWorkflow(Operated):
    """Looks at the dispute after each signal, and at intervals without one."""

    @workflow.init
    def __init__(self, start: DisputeRef) -> None:
        super().__init__(start.purchase.purchase_id)
        self._wake = False

    @workflow.run
    async def run(self, start: DisputeRef) -> str:
        """Follow the dispute; return its final status."""
        look = DisputeActivities.look_at_dispute
        while True:
            self._wake = False
            calling = self._caller.call(look, start, STRIPE_POLICY, "ask Stripe of the dispute", forward_only=True)
            try:
                status = await calling
            except RefusedStep:
                await self._end(GIVEN_UP, "An operator gave it up: nobody follows the dispute.")
                return GIVEN_UP
            self._status.set_stage("disputed", f"The dispute is {status}.")
            if status in ENDS:
                await self._finish()
                return status
            with contextlib.suppress(TimeoutError):  # time for a look without news
                await workflow.wait_condition(
                    lambda: self._wake, timeout=LOOK_EVERY, timeout_summary="the next look without news"
                )
            self._history.check()

    @workflow.signal(name="look_again", description="For machines: something has changed; operators use retry_now")
    def look_again(self, *_: object) -> None:
        """Look at the dispute now; sent for each webhook event."""
        self._wake = True

    def _cannot_retry(self) -> str | None:
        return "the workflow has ended" if self._is_over else None

    def _look_now(self) -> None:
        self._wake = True

    @operator_act(GIVE_UP, lambda self: self._cannot_retry())
    def give_up(self, _: GiveUp) -> Outcome:
        """Follow the dispute no more, until there is news of it."""
        return lambda: self._stop_following("look_at_dispute")
