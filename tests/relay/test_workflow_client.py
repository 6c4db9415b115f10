"""A rush stays at the door: the engine is asked for so many checkouts at once, and not for one more."""

import asyncio
from typing import Any, cast

from temporalio.client import Client

from activities.core.commands import PurchaseRef
from relay.workflow_client import Timeouts, WorkflowClient
from workflows.purchase import CheckoutAnswer


class SlowClient:
    """Answers an update-with-start when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = asyncio.Event()

    async def execute_update_with_start_workflow(self, *_: Any, **__: Any) -> CheckoutAnswer:
        self.asked += 1
        await self.free.wait()
        return CheckoutAnswer(state="open")


async def test_beyond_its_limit_the_engine_is_not_asked() -> None:
    """Who is let through waits for its checkout; who is not is answered at once, and a free place is used again."""
    client = SlowClient()
    engine = WorkflowClient(cast(Client, client), Timeouts(5.0, 30.0, 600, checkouts_in_flight_max=2))

    def opening(number: int) -> Any:
        purchase = PurchaseRef(tenant_id="default", purchase_id=f"pu_{number}", attempt=1)
        return engine.open_purchase(purchase, "sh", "ve")

    waiting = [asyncio.create_task(opening(number)) for number in range(2)]
    await asyncio.sleep(0)
    assert await opening(3) is None
    assert client.asked == 2
    client.free.set()
    assert [(answer is not None and answer.state) for answer in await asyncio.gather(*waiting)] == ["open", "open"]
    await asyncio.sleep(0)
    assert client.asked == 3  # the one that was turned away, in its turn
    assert await opening(4) is not None
    assert client.asked == 4


async def test_an_engine_that_is_never_asked_is_not_asked_later_either() -> None:
    """Without any place there is no turn: the relay starts what is held."""
    client = SlowClient()
    client.free.set()
    engine = WorkflowClient(cast(Client, client), Timeouts(5.0, 30.0, 600, checkouts_in_flight_max=0))
    assert await engine.open_purchase(PurchaseRef(tenant_id="default", purchase_id="pu", attempt=1), "sh", "ve") is None
    await asyncio.sleep(0)
    assert client.asked == 0
