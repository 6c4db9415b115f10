"""DisputeWorkflow: follow a dispute from its first webhook event to its end."""

from datetime import timedelta

from temporalio import workflow

from activities.core.acts import GIVE_UP, GiveUp
from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from activities.disputes.follow import ENDS, DisputeActivities
from workflows.core.activity_calls import STRIPE_POLICY, RefusedStep
from workflows.core.acts import Outcome, operator_act
from workflows.core.operated import GIVEN_UP, ToldOfNews
from workflows.core.task_queue import workflow_on

LOOK_EVERY = timedelta(hours=6)  # a webhook comes first, unless it was lost


@workflow_on(PURCHASES, name="DisputeWorkflow", owner="purchase", stage="disputed", restarted_by="resume follow-ups")
class DisputeWorkflow(ToldOfNews):
    """Looks at the dispute after each signal, and at intervals without one."""

    @workflow.init
    def __init__(self, start: DisputeRef) -> None:
        super().__init__(start.purchase.purchase_id)

    @workflow.run
    async def run(self, start: DisputeRef) -> str:
        """Follow the dispute; return its final status."""
        look = DisputeActivities.look_at_dispute
        while True:
            self._woken = False
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
            await self._rest(LOOK_EVERY, "the next look without news")
            self._history.check()

    @operator_act(GIVE_UP, lambda self: self._cannot_retry())
    def give_up(self, _: GiveUp) -> Outcome:
        """Follow the dispute no more, until there is news of it."""
        return lambda: self._stop_following("look_at_dispute")
