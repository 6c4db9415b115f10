"""ClaimWorkflow: a claimed ticket's token, from the recorded claim to the wallet."""

from temporalio import workflow

from activities.core.commands import MintTicket
from activities.core.task_queues import PURCHASES
from activities.tokens.claims.deliver import ClaimActivities, ClaimOutcome
from workflows.core.activity_calls import MINT_POLICY
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on


@workflow_on(PURCHASES, name="ClaimWorkflow", owner="purchase", stage="claiming", restarted_by="start claims")
class ClaimWorkflow(Operated):
    """Delivers one claim, through any outage; begun anew it finds in the events and on chain how far it got."""

    @workflow.init
    def __init__(self, claimed: MintTicket) -> None:
        super().__init__()
        self._claimed = claimed

    @workflow.run
    async def run(self, claimed: MintTicket) -> ClaimOutcome:  # noqa: ARG002 - taken by __init__
        """Bring the token to the wallet, or let the claim lapse."""
        self._status.set_stage("claiming", "Brings the token to the wallet that has claimed it.")
        outcome: ClaimOutcome = await self._caller.call(
            ClaimActivities.deliver_claim, self._claimed, MINT_POLICY, "deliver the token", forward_only=True
        )
        text = "The token is in the wallet." if outcome == "done" else "The claim has lapsed; the ticket says why."
        await self._end(outcome, text)
        return outcome
