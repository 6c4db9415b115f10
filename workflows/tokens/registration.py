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
        self._minted = await self._mint()
        if self._subject.kind == "show":
            method, summary = CatalogActivities.open_sale, "open the sale"
            await self._caller.call(method, self._subject, STORE, summary, forward_only=True, before=self._mint)
        await self._end("ready", f"On chain at {self._minted.mint_address}.")
        return self._minted

    async def _mint(self) -> Minted:
        method, summary = MintActivities.mint_group, "make the on-chain group"
        self._minted = await self._caller.call(method, self._subject, MINT_POLICY, summary, forward_only=True)
        return self._minted


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
