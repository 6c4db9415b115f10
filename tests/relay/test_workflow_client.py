"""The workflow client opens a limited number of checkouts in Temporal at once."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client

from activities.core.about import About
from activities.core.commands import PurchaseRef
from relay.workflow_client import CROWD, Timeouts, WorkflowClient
from workflows.purchase import CheckoutAnswer


class SlowClient:
    """A Temporal client that answers update-with-start once `free` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.free = asyncio.Event()

    async def execute_update_with_start_workflow(self, *_: Any, **__: Any) -> CheckoutAnswer:
        self.calls += 1
        await self.free.wait()
        return CheckoutAnswer(state="open")


async def test_beyond_its_limit_the_engine_is_not_asked() -> None:
    """Calls within the limit wait for the checkout; others are answered at once; a free slot is used again."""
    client = SlowClient()
    engine = WorkflowClient(cast(Client, client), Timeouts(5.0, 30.0, 600, checkouts_in_flight_max=2))

    def opening(number: int) -> Any:
        purchase = PurchaseRef(tenant_id="default", purchase_id=f"pu_{number}", attempt=1)
        return engine.open_purchase(purchase, About(purchase.purchase_id, "sh", "ve"))

    waiting = [asyncio.create_task(opening(number)) for number in range(2)]
    await asyncio.sleep(0)
    assert await opening(3) is None
    assert client.calls == 2
    client.free.set()
    assert [(answer is not None and answer.state) for answer in await asyncio.gather(*waiting)] == ["open", "open"]
    await asyncio.sleep(0)
    assert client.calls == 3  # the call that was over the limit, in its turn
    assert await opening(4) is not None
    assert client.calls == 4


async def test_an_engine_that_is_never_asked_is_not_asked_later_either() -> None:
    """With a limit of 0 no call is ever made: the relay starts the purchases."""
    client = SlowClient()
    client.free.set()
    engine = WorkflowClient(cast(Client, client), Timeouts(5.0, 30.0, 600, checkouts_in_flight_max=0))
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu", attempt=1)
    assert await engine.open_purchase(purchase, About("pu", "sh", "ve")) is None
    await asyncio.sleep(0)
    assert client.calls == 0


async def begun(client: SlowClient) -> int:
    """Answer the calls that are under way, and return the number of those that have begun then."""
    client.free.set()
    client.free = asyncio.Event()
    for _ in range(9):
        await asyncio.sleep(0)
    return client.calls


async def test_while_a_crowd_is_at_the_door_one_checkout_opens_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line moves meanwhile; when the crowd has gone, or the line is old, as many begin as may be under way."""
    client, crowd = SlowClient(), CROWD + 1
    pacing = Timeouts(5.0, 30.0, 600, checkouts_in_flight_max=3)
    engine = WorkflowClient(cast(Client, client), pacing, crowd=lambda: crowd)

    def opening(number: int) -> Any:
        purchase = PurchaseRef(tenant_id="default", purchase_id=f"pu_{number}", attempt=1)
        return engine.open_purchase(purchase, About(purchase.purchase_id, "sh", "ve"))

    first = asyncio.create_task(opening(0))
    await asyncio.sleep(0)
    assert [await opening(number) for number in range(1, 12)] == [None] * 11
    assert client.calls == 1
    assert await begun(client) == 2
    assert await first is not None
    crowd = CROWD
    assert await begun(client) == 5
    crowd = CROWD + 1
    assert await begun(client) == 6
    monkeypatch.setattr("relay.workflow_client.YIELD_SECONDS", 0.0)
    assert await begun(client) == 9
    assert await begun(client) == 12
    assert await begun(client) == 12
