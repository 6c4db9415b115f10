"""What ends the wait of a webhook endpoint that was switched off after failing for days."""

from temporalio.client import Client

from activities.core.acts import GIVE_UP, RETRY_NOW
from domain.views.outgoing.endpoint import ReceiverAnswer
from tests.fakes.operator import operate
from tests.fakes.world import SagaWorld
from tests.workflows.test_deliveries import (
    TAKEN,
    check_each_once_in_order,
    created,
    many,
    needing_an_operator,
    start,
    state,
    until,
)


async def an_endpoint_that_failed_for_days(world: SagaWorld, client: Client) -> None:
    """Switched on, it gets everything that it missed."""
    world.told += many()
    world.receiver.answers = lambda _, __: ReceiverAnswer(None, "ClientConnectorError")
    await created(world)
    handle = await start(client)
    await needing_an_operator(world, handle)
    assert await state(world) == "failing"
    tries = len(world.receiver.asked)
    assert 60 < tries < 120
    assert "tried now" in await operate(handle, RETRY_NOW)
    await until(lambda: len(world.receiver.asked) > tries)
    world.receiver.answers = lambda _, __: TAKEN
    assert await handle.result() == len(many())
    check_each_once_in_order(world, many())
    assert await state(world) == "on"


async def an_endpoint_that_stays_off(world: SagaWorld, client: Client) -> None:
    """What it missed is sent when its tenant switches it on."""
    world.told += many()
    world.receiver.answers = lambda _, __: ReceiverAnswer(410)
    commands = await created(world)
    handle = await start(client)
    await needing_an_operator(world, handle)
    assert "stays off" in await operate(handle, GIVE_UP)
    assert await handle.result() == 0
    assert await state(world) == "off"
    world.receiver.answers = lambda _, __: TAKEN
    await commands.switch("we", on=True)
    assert await (await start(client)).result() == len(many())
    check_each_once_in_order(world, many())
