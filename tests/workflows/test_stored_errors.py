"""Stripe stores server errors under every key for more than a day: one capture, soon after it heals."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid

HOURS = 30
KEYS_MAX = 60  # two series of a day, each of a dozen quick keys and then one an hour
PATIENCE = timedelta(hours=1, minutes=5)  # the longest pause, and a round


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_capture_outlives_thirty_hours_of_stored_errors(
    world: SagaWorld, client: Client, *, restarts: bool
) -> None:
    """Keys are few, each follows a look; a worker that restarts at every call does the same."""
    await world.open_show()
    handle, _ = await world.buy(client)
    heals = await world.server.get_current_time() + timedelta(hours=HOURS)
    world.gateway.stick("capture_intent", heals, world.server.get_current_time)
    world.gateway.restarts = restarts
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert world.gateway.effects["capture_intent"] == 1
    (at,) = world.gateway.healed
    assert heals <= at <= heals + PATIENCE
    assert len(world.gateway.stored) < KEYS_MAX
    assert len(world.gateway.stored) > 12
