"""A round of pinning on fakes: an outage of the node holds nothing else, and ends by itself."""

from temporalio.client import Client

from activities.core.task_queues import PURCHASES
from activities.tokens.pin import PinPage
from tests.fakes.world import SagaWorld
from workflows.tokens.pinning import PinningWorkflow, PinResult


async def test_a_round_pins_everything_that_waits(world: SagaWorld, client: Client) -> None:
    """The tickets are minted while the node is away; the round ends when it is back."""
    world.ipfs.is_away = True
    await world.open_show()
    sale, _ = await world.buy(client)
    world.gateway.pay(await world.intent_id())
    assert (await world.ended(sale)).outcome == "fulfilled"
    handle = await client.start_workflow(PinningWorkflow.run, PinPage(limit=2), id="pinning", task_queue=PURCHASES)
    while not world.ipfs.calls["pin"]:
        await world.server.sleep(1)
    world.ipfs.is_away = False
    result = await handle.result()
    assert result.pinned == len(world.ipfs.pins) > 0
    assert await client.execute_workflow(
        PinningWorkflow.run, PinPage(), id="pinning", task_queue=PURCHASES
    ) == PinResult(pinned=0, failed=0)
