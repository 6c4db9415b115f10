"""The scenes of a claim: of a token in custody, and of a soulbound one."""

from domain.tickets.ticket import Ticket
from tests.matrix.scenes import Scene, sale
from tests.matrix.stage import Stage
from workflows.tokens.claim import ClaimWorkflow


async def claimed(stage: Stage) -> str:
    """Sell, claim the first ticket, and deliver its token; return the claim, and where the tokens went."""
    assert await sale(stage) == "fulfilled"
    claim = await stage.world.claim()
    await stage.begin(f"claim/{claim.ticket_id}", ClaimWorkflow.run, claim)
    await stage.end()
    ticket = await stage.world.store.read(lambda uow: uow.get(Ticket, claim.ticket_id))
    chain = stage.world.chain
    return f"{ticket.claim}, {chain.landings[str(ticket.mint_address)]} minted, {chain.moves.total()} moved"


async def soulbound(stage: Stage) -> str:
    stage.world.show_terms = {"transfer": "soulbound"}
    return await claimed(stage)


SCENES: tuple[Scene, ...] = (
    Scene("claim", ClaimWorkflow, ("deliver_claim",), "done, 1 minted, 1 moved", claimed),
    Scene("claim, soulbound", ClaimWorkflow, ("deliver_claim",), "done, 1 minted, 0 moved", soulbound),
)
