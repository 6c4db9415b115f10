"""The scenes of a claim: of a token in custody, of a soulbound one, and of a leaf."""

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
    ended = f"{ticket.claim}, {chain.landings[str(ticket.mint_address)]} minted, {chain.moves.total()} moved"
    return ended if ticket.leaf is None else f"{ended}, leaf ended by {ticket.leaf_end}"


async def soulbound(stage: Stage) -> str:
    stage.world.show_terms = {"transfer": "soulbound"}
    return await claimed(stage)


async def of_a_leaf(stage: Stage) -> str:
    stage.world.show_terms = {"minting": "on_claim"}
    return await claimed(stage)


SCENES: tuple[Scene, ...] = (
    Scene("claim", ClaimWorkflow, ("deliver_claim",), "done, 1 minted, 1 moved", claimed),
    Scene("claim, soulbound", ClaimWorkflow, ("deliver_claim",), "done, 1 minted, 0 moved", soulbound),
    Scene(
        "claim of a leaf",
        ClaimWorkflow,
        ("deliver_claim",),
        "done, 1 minted, 0 moved, leaf ended by claim",
        of_a_leaf,
    ),
)
