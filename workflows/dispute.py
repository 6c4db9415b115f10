"""DisputeWorkflow: follow a dispute from its first webhook event to its end."""

import contextlib
from datetime import timedelta

from temporalio import workflow

from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from activities.disputes.follow import ENDS, DisputeActivities
from workflows.core.activity_calls import STRIPE_POLICY, ActivityCaller, OperatorAlerts
from workflows.core.operator_status import OperatorStatus
from workflows.core.task_queue import workflow_on

LOOK_EVERY = timedelta(hours=6)  # a webhook comes first, unless it was lost


@workflow_on(PURCHASES, name="DisputeWorkflow", restarted_by="resume follow-ups")
class DisputeWorkflow:
    """Looks at the dispute after each signal, and at intervals without one."""

    @workflow.init
    def __init__(self, start: DisputeRef) -> None:
        self._dispute = start
        self._wake = False
        self._status = OperatorStatus("disputed")
        self._caller = ActivityCaller(OperatorAlerts(self._status.set_problem))

    @workflow.run
    async def run(self, start: DisputeRef) -> str:
        """Follow the dispute; return its final status."""
        while True:
            self._wake = False
            look = DisputeActivities.look_at_dispute
            status = await self._caller.call(look, start, STRIPE_POLICY, "ask Stripe of the dispute", forward_only=True)
            self._status.set_stage("disputed", f"The dispute is {status}.")
            if status in ENDS:
                return status
            with contextlib.suppress(TimeoutError):  # time for a look without news
                await workflow.wait_condition(
                    lambda: self._wake, timeout=LOOK_EVERY, timeout_summary="the next look without news"
                )

    @workflow.signal(name="look_again")
    def look_again(self) -> None:
        """Look at the dispute now; sent for each webhook event."""
        self._wake = True
