"""Capacity changes on fakes: the group on chain is never smaller than the stock."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.core.commands import CapacityChange
from activities.core.task_queues import PURCHASES
from domain.catalog.show import Show
from domain.core.errors import WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.transient import TransientError
from domain.stock.allocation import Allocation
from tests.fakes.world import SagaWorld
from workflows.stock.capacity import CapacityWorkflow


async def change(world: SagaWorld, client: Client, capacity: int) -> str:
    begun = await world.capacity_changes.begin("default", "sh", {"tt": capacity})
    made = await client.execute_workflow(
        CapacityWorkflow.run, begun, id=f"capacity/sh/{begun.number}", task_queue=PURCHASES
    )
    return str(made)


async def group(world: SagaWorld) -> tuple[int, int] | None:
    show = await world.store.read(lambda uow: uow.get(Show, "sh"))
    assert show.mint_address is not None
    return await world.chain.sizes_of(show.mint_address)


async def capacity(world: SagaWorld) -> int:
    return (await world.store.read(lambda uow: uow.get(Allocation, "tt"))).capacity


async def test_raised_and_lowered(world: SagaWorld, client: Client) -> None:
    """Stock and group have the same size after each change, and no step is skipped."""
    await world.open_show()
    assert await change(world, client, 15) == "made"
    assert (await capacity(world), await group(world)) == (15, (0, 15))
    assert await change(world, client, 4) == "made"
    assert (await capacity(world), await group(world)) == (4, (0, 4))
    assert world.gates.ran.count("fit_group") == 2


async def test_the_chain_is_raised_before_the_stock_and_lowered_after_it(world: SagaWorld, client: Client) -> None:
    """Whenever the group is about to change, the stock is the smaller of the two."""
    await world.open_show()
    for wanted, stock in ((15, 10), (4, 4)):
        gate = world.gates.close("fit_group", "before")
        changing = asyncio.create_task(change(world, client, wanted))
        await gate.reached.wait()
        assert await capacity(world) == stock
        gate.open.set()
        assert await changing == "made"


@pytest.mark.leaves_open(reason="the purchase that took the seats does not end")
async def test_what_is_sold_meanwhile_ends_a_change(world: SagaWorld, client: Client) -> None:
    """A change that no longer fits is abandoned as a whole, and a new request for it is refused at once."""
    await world.open_show()
    begun = await world.capacity_changes.begin("default", "sh", {"tt": 4})
    await world.request(quantity=5)
    ended = await client.execute_workflow(CapacityWorkflow.run, begun, id="capacity/sh/1", task_queue=PURCHASES)
    assert ended == "refused"
    assert (await capacity(world), await group(world)) == (10, (0, 10))
    with pytest.raises(WrongState, match="the 5 held"):
        await world.capacity_changes.begin("default", "sh", {"tt": 4})


async def test_late_steps_of_an_ended_change_do_nothing(world: SagaWorld, client: Client) -> None:
    """Otherwise they would undo the next change."""
    await world.open_show()
    await change(world, client, 4)
    await change(world, client, 12)
    late = CapacityChange(tenant_id="default", show_id="sh", number=1)
    assert await world.capacities.lower_stock(late)
    await ActivityEnvironment().run(world.group_sizes.fit_group, late)
    await world.capacities.raise_stock(late)
    assert (await capacity(world), await group(world)) == (12, (0, 12))


async def test_no_stock_without_the_group_on_chain(world: SagaWorld) -> None:
    """Somebody answered for the step on chain: nothing goes on sale before the group's size is recorded."""
    await world.open_show()
    begun = await world.capacity_changes.begin("default", "sh", {"tt": 12})
    with pytest.raises(EvidenceMissing):
        await world.capacities.raise_stock(begun)
    assert (await capacity(world), await group(world)) == (10, (0, 10))
    await ActivityEnvironment().run(world.group_sizes.fit_group, begun)
    await world.capacities.raise_stock(begun)
    assert (await capacity(world), await group(world)) == (12, (0, 12))


async def test_bytes_that_were_stored_are_sent_again(world: SagaWorld) -> None:
    """After a crash between signing and sending, the stored bytes are sent; expired ones are signed again."""
    await world.open_show()
    begun = await world.capacity_changes.begin("default", "sh", {"tt": 12})
    world.chain.fail_before("send")
    with pytest.raises(TransientError):
        await ActivityEnvironment().run(world.group_sizes.fit_group, begun)
    stored = (await world.store.read(lambda uow: uow.get(Show, "sh"))).resize_signed
    world.chain.expire()
    await ActivityEnvironment().run(world.group_sizes.fit_group, begun)
    anew = (await world.store.read(lambda uow: uow.get(Show, "sh"))).resize_signed
    assert await group(world) == (0, 12)
    assert stored is not None
    assert anew is not None
    assert stored.signature != anew.signature
