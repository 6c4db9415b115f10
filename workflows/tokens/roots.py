"""RootsWorkflow: the changes of a show's tree come to the chain in batches, one root at a time."""

from temporalio import workflow

from activities.core.commands import Command, TreeRef
from activities.core.task_queues import PURCHASES
from activities.tokens.trees.owed import LeafActivities
from activities.tokens.trees.roots import RootActivities
from workflows.core.activity_calls import MINT_POLICY, STORE
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on


class RootsInput(Command):
    """A tree with changes that are not on chain; `every_seconds` is the pause between two roots.

    After `roots_per_run` the workflow goes on with an empty history.
    """

    tree: TreeRef
    every_seconds: float = 60
    roots_per_run: int = 50


@workflow_on(PURCHASES, name="RootsWorkflow", owner="show", stage="writing", restarted_by="start roots")
class RootsWorkflow(Operated):
    """Writes roots until every change is on chain, and lets the books owe no more what stands under them."""

    @workflow.init
    def __init__(self, start: RootsInput) -> None:
        super().__init__()
        self._tree = start.tree

    @workflow.run
    async def run(self, start: RootsInput) -> int:
        """Write roots to the end; return the number of leaves under the last one."""
        left = start.roots_per_run
        while left:
            self._status.set_stage("writing", "Writes the root of all leaves to the show's mint.")
            written = await self._caller.call(
                RootActivities.write_root, self._tree, MINT_POLICY, "write the root", forward_only=True
            )
            self._status.set_stage("settling", f"{written.size} leaves are on chain; the books owe them no more.")
            while await self._caller.call(
                LeafActivities.settle_leaves, self._tree, STORE, "settle a page of leaves", forward_only=True
            ):
                continue
            if written.is_newest:
                await self._end("written", f"Every change is on chain; the root is over {written.size} leaves.")
                return written.size
            self._status.set_stage("gathering", "Gathers changes for the next root.")
            await workflow.sleep(start.every_seconds, summary="until the next root")
            left -= 1
        await self._drained()
        return workflow.continue_as_new(start)
