"""What a buyer does, for workflow tests."""

from temporalio.client import Client

from tests.fakes.world import PurchaseHandle, SagaWorld
from workflows.purchase import PurchaseWorkflow


async def paid(world: SagaWorld, handle: PurchaseHandle, key: str = "key") -> None:
    """Pay as a buyer does, and let the webhook's webhook event arrive."""
    world.gateway.pay(await world.intent_id(key))
    await handle.signal(PurchaseWorkflow.look_again)


async def sold(world: SagaWorld, client: Client) -> str:
    """Sell as usual, to the end; returns the intent that paid."""
    await world.open_show()
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await world.ended(handle)
    return await world.intent_id()
