"""The scenes of a show that mints on claim."""

from activities.core.commands import TreeRef
from domain.tickets.ticket_tree import TicketTree
from tests.matrix import scenes
from tests.matrix.stage import Stage
from workflows.purchase import PurchaseWorkflow
from workflows.tokens.roots import RootsInput, RootsWorkflow


async def sale_of_leaves(stage: Stage) -> str:
    """The tickets become leaves in one step; nothing waits for the chain."""
    stage.world.show_terms["minting"] = "on_claim"
    return await scenes.sale(stage)


async def root(stage: Stage) -> str:
    """Two leaves come to the chain; if the workflow was cancelled, the relay starts it again."""
    await sale_of_leaves(stage)
    start = RootsInput(tree=TreeRef(tenant_id="default", show_id="sh"))
    for _ in range(2):
        await stage.begin("roots/sh", RootsWorkflow.run, start)
        if await stage.end() is not None:
            break
    tree = await stage.world.store.read(lambda uow: uow.get(TicketTree, "sh"))
    assert stage.world.chain.roots() == {tree.grounds.show_mint: tree.root}
    return f"{tree.settled} on chain"


AS_EVER = tuple(name for name in scenes.SALE if name not in {"mint_ticket", "settle_mint"})
SCENES = (
    scenes.Scene(
        "sale on claim", PurchaseWorkflow, (*AS_EVER, "record_leaves"), "fulfilled", sale_of_leaves, same=AS_EVER
    ),
    scenes.Scene("root", RootsWorkflow, ("write_root", "settle_leaves"), "2 on chain", root),
)
