"""VenueWorkflow and ShowWorkflow: register on chain, and only then open the sale."""

from temporalio import workflow

from activities.catalog.register import CatalogActivities
from activities.core.commands import Command, Minted, MintSubject
from activities.core.task_queues import PURCHASES
from activities.tokens.mint import MintActivities
from workflows.core.activity_calls import MINT_POLICY, STORE
from workflows.core.operated import Operated
from workflows.core.task_queue import workflow_on


class RegisterInput(Command):
    """A recorded venue or show whose token is to be minted."""

    subject: MintSubject


@workflow_on(PURCHASES, name="VenueWorkflow", owner="venue", stage="registering", restarted_by="start registrations")
class VenueWorkflow(Operated):
    """Mints the venue's on-chain group."""

    @workflow.init
    def __init__(self, start: RegisterInput) -> None:
        super().__init__()
        self._subject = start.subject

    @workflow.run
    async def run(self, start: RegisterInput) -> Minted:  # noqa: ARG002 - taken by __init__
        """Mint the group, through any outage."""
        self._status.set_stage("minting", "Mints the on-chain group and verifies it.")
        minted = await self._caller.call(
            MintActivities.mint_group, self._subject, MINT_POLICY, "make the on-chain group", forward_only=True
        )
        if self._subject.kind == "show":
            await self._caller.call(
                CatalogActivities.open_sale, self._subject, STORE, "open the sale", forward_only=True
            )
        await self._end("ready", f"On chain at {minted.mint_address}.")
        return minted


@workflow_on(PURCHASES, name="ShowWorkflow", owner="show", stage="registering", restarted_by="start registrations")
class ShowWorkflow(VenueWorkflow):
    """Mints the show's on-chain group in the venue's, then opens the sale."""

    @workflow.init
    def __init__(self, start: RegisterInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: RegisterInput) -> Minted:
        """Mint the group and open the sale."""
        return await super().run(start)
