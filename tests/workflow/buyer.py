"""What a buyer does, for workflow tests."""

from tests.fakes.world import PurchaseHandle, World
from workflows.purchase import PurchaseWorkflow


async def paid(world: World, handle: PurchaseHandle, key: str = "key") -> None:
    """Pay as a buyer does, and let the webhook's hint arrive."""
    world.gateway.pay(await world.intent_id(key))
    await handle.signal(PurchaseWorkflow.look_again)
