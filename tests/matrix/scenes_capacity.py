"""The scene of a capacity change."""

from domain.catalog.show import Show
from domain.stock.allocation import Allocation
from tests.matrix.stage import Stage
from workflows.stock.capacity import CapacityWorkflow

RAISED = 15


async def more_tickets(stage: Stage) -> str:
    """The show gets more tickets: the chain's group and the stock grow."""
    world = stage.world
    await world.open_show()
    change = await world.capacity_changes.begin("default", "sh", {"tt": RAISED})
    await stage.begin("capacity/sh/1", CapacityWorkflow.run, change)
    end = await stage.end()
    show, seats = await world.store.read(lambda uow: (uow.get(Show, "sh"), uow.get(Allocation, "tt")))
    assert show.mint_address is not None
    world.capacity = RAISED
    assert (seats.capacity, await world.chain.sizes_of(show.mint_address)) == (RAISED, (0, RAISED))
    return str(end)
