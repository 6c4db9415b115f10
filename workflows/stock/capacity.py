"""CapacityWorkflow: raise or lower the capacity of a show that is on sale."""

from temporalio import workflow

from activities.catalog.capacity import CapacityActivities, GroupSizeActivities
from activities.core.commands import CapacityChange
from activities.core.task_queues import PURCHASES
from workflows.core.activity_calls import MINT_POLICY, STORE
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on


@workflow_on(PURCHASES, name="CapacityWorkflow", owner="show", stage="lowering", restarted_by="start capacity changes")
class CapacityWorkflow(Operated):
    """Lowers the stock, resizes the group on chain, then raises the stock."""

    @workflow.init
    def __init__(self, start: CapacityChange) -> None:
        super().__init__()
        self._change = start

    @workflow.run
    async def run(self, start: CapacityChange) -> str:
        """Change all capacities or none; forward only. Return `made` or `refused`."""
        steps, call = CapacityActivities, self._caller.call
        self._status.set_stage("lowering", "Takes what falls out of the stock.")
        fits = await call(steps.lower_stock, start, STORE, "take what falls out of the stock", forward_only=True)
        if not fits:
            await self._end("refused", "More are held and sold by now than there should be.")
            return "refused"
        self._status.set_stage("fitting", "Lets the group on chain take what the stock will be.")
        await self._fit_group()
        summary = "put what rises on sale"
        await call(steps.raise_stock, start, STORE, summary, forward_only=True, before=self._fit_group)
        await self._end("made", "The capacities are as asked.")
        return "made"

    async def _fit_group(self) -> None:
        method, summary = GroupSizeActivities.fit_group, "size the group on chain"
        await self._caller.call(method, self._change, MINT_POLICY, summary, forward_only=True)
