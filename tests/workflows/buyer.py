"""Acts of a buyer, for workflow tests."""

from temporalio.client import Client

from tests.fakes.world import PurchaseHandle, SagaWorld
from workflows.purchase import PurchaseWorkflow


async def paid(world: SagaWorld, handle: PurchaseHandle, key: str = "key") -> None:
    """Pay as a buyer does, and deliver the webhook event."""
    world.gateway.pay(await world.intent_id(key))
    await handle.signal(PurchaseWorkflow.look_again)


async def sold(world: SagaWorld, client: Client) -> str:
    """Sell two tickets to the end; return the id of the payment intent."""
    await world.open_show()
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await world.ended(handle)
    return await world.intent_id()
