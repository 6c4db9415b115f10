"""`make record`: runs each outcome and writes its history, for today's and every later code to replay."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.queues import PURCHASES
from tests.fakes.world import PurchaseHandle, World
from tests.workflow.conftest import installed, register_search_attributes
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseWorkflow

HISTORIES = Path(__file__).parent / "histories"
Scene = Callable[[World, Client], Awaitable[str]]


async def _paid(world: World, handle: PurchaseHandle) -> None:
    world.gateway.pay(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    await world.ended(handle)


async def fulfilled(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    await _paid(world, handle)
    return handle.id


async def declined_then_fulfilled(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    world.gateway.decline(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    await asyncio.sleep(0.2)
    await _paid(world, handle)
    return handle.id


async def expired(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    await world.ended(handle)
    return handle.id


async def sold_out(world: World, client: Client) -> str:
    handle, _ = await world.buy(client, quantity=11)
    await world.ended(handle)
    return handle.id


async def buyer_cancelled(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    await world.door.request_cancel((await world.order()).identity)
    await handle.signal(PurchaseWorkflow.buyer_cancelled)
    await world.ended(handle)
    return handle.id


async def capture_refused(world: World, client: Client) -> str:
    world.gateway.refuse("capture_intent")
    handle, _ = await world.buy(client)
    await _paid(world, handle)
    return handle.id


async def operator_cancelled(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    await handle.cancel()
    await asyncio.wait([asyncio.ensure_future(world.ended(handle))])
    return handle.id


async def weather(world: World, client: Client) -> str:
    world.gateway.fail_before("capture_intent", 9)
    handle, _ = await world.buy(client)
    await _paid(world, handle)
    return handle.id


async def late_payment(world: World, client: Client) -> str:
    handle, _ = await world.buy(client)
    await world.ended(handle)
    intent_id = await world.intent_id()
    case = await client.start_workflow(
        PaymentCaseWorkflow.run,
        CaseInput(purchase=await world.ref(), intent_id=intent_id),
        id=f"payment-case/{intent_id}",
        task_queue=PURCHASES,
    )
    await case.result()
    return case.id


SCENES: tuple[Scene, ...] = (
    fulfilled,
    declined_then_fulfilled,
    expired,
    sold_out,
    buyer_cancelled,
    capture_refused,
    operator_cancelled,
    weather,
    late_payment,
)


async def record(scene: Scene) -> str:
    """Run one scene in a world of its own and return its history as JSON."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=installed("temporal-test-server"), data_converter=pydantic_data_converter
    )
    async with environment:
        await register_search_attributes(environment.client)
        world = World(environment)
        async with world.running():
            await world.open_show(hold_seconds=60)
            workflow_id = await scene(world, environment.client)
        history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
        return json.dumps(_without_machine(json.loads(history.to_json())), indent=1)


def _without_machine(value: Any) -> Any:
    """Drop what a history says of the machine that it was recorded on."""
    if isinstance(value, dict):
        kept = {key: _without_machine(item) for key, item in value.items() if key != "stackTrace"}
        return {**kept, "identity": "recorder"} if "identity" in kept else kept
    return [_without_machine(item) for item in value] if isinstance(value, list) else value


async def main() -> None:
    """Record every scene."""
    HISTORIES.mkdir(exist_ok=True)
    for scene in SCENES:
        path = HISTORIES / f"{scene.__name__}.json"
        path.write_text(await record(scene) + "\n")
        print(f"recorded {path.name}")  # noqa: T201 - a command prints


if __name__ == "__main__":
    asyncio.run(main())
