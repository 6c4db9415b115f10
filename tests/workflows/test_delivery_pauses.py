"""Pauses of deliveries to a webhook endpoint: they grow with the time that it fails, however often it is tried."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.core.acts import RETRY_NOW
from domain.views.outgoing.endpoint import ReceiverAnswer
from tests.fakes.judged import judged_at_rest
from tests.fakes.operator import Handle, operate_in
from tests.fakes.short_histories import ShortHistories
from tests.fakes.world import SagaWorld
from tests.workflows.test_deliveries import BROKEN, TAKEN, created, ended, many, start, until
from workflows.outgoing.pauses import FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX, pause_after

HURRIED = 10  # acts of an impatient operator
EVENTS_MAX = 40  # at which the engine suggests to continue as new
SLACK_SECONDS = 2.0  # that the steps of a delivery take
TWO_MINUTES, HALF_A_DAY = 120.0, 43_200.0


def down_for(seconds: float) -> Callable[[str, datetime], ReceiverAnswer]:
    """Return the answers of a receiver that is down for so many seconds since its first request."""
    began: list[datetime] = []

    def answers(_: str, at: datetime) -> ReceiverAnswer:
        began.append(at)
        return BROKEN if at - began[0] < timedelta(seconds=seconds) else TAKEN

    return answers


def asked_at(world: SagaWorld) -> list[float]:
    """Return when the receiver was asked, in seconds."""
    return [at.timestamp() for _, _, at in world.receiver.asked]


def test_pauses_grow_to_an_hour() -> None:
    """Seconds at first, twice as long each time."""
    assert [pause_after(tries) for tries in (1, 2, 3, 10, 11, 1_000)] == [5, 10, 20, 2560, 3600, 3600]


@pytest.mark.parametrize(
    ("events", "hurry"),
    [
        pytest.param(len(many()), lambda handle: operate_in(handle, RETRY_NOW, "retrying"), id="act on an endpoint"),
        pytest.param(2, lambda handle: handle.signal("look_again"), id="news for one event"),
    ],
)
async def test_hurried_tries_do_not_lengthen_a_pause(
    world: SagaWorld, client: Client, events: int, hurry: Callable[[Handle], Awaitable[object]]
) -> None:
    """A receiver that was down for two minutes waits as long again at most, however often it was tried meanwhile.

    An outage before, which ended with the first event, counts no more.
    """
    first, down = many()[0], down_for(TWO_MINUTES)
    world.told += many()[:events]
    world.receiver.answers = lambda event_id, at: TAKEN if event_id == first.event_id else down(event_id, at)
    await created(world)
    handle = await start(client, failures=9, first_failed_at=1.0)
    with world.server.auto_time_skipping_disabled():
        for _ in range(HURRIED):
            tried = len(world.receiver.asked)
            await hurry(handle)
            await until(lambda: len(world.receiver.asked) > tried)  # noqa: B023 - waited for in this turn
    assert await ended(handle) == events
    tries = asked_at(world)
    back = next(at for at in tries if at - tries[0] >= TWO_MINUTES)
    assert back - tries[0] < 2 * TWO_MINUTES + FIRST_PAUSE_SECONDS + SLACK_SECONDS


async def test_the_pauses_of_an_event_grow_to_an_hour(world: SagaWorld, client: Client) -> None:
    """Without an operator the next try comes after five seconds, then after twice as long each time."""
    world.told += many()[:1]
    world.receiver.answers = down_for(HALF_A_DAY)
    await created(world)
    assert await ended(await start(client)) == 1
    tries = asked_at(world)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == pytest.approx([pause_after(number) for number in range(1, len(tries))], abs=SLACK_SECONDS)
    assert pauses[-1] >= PAUSE_SECONDS_MAX


async def test_the_pauses_of_an_endpoint_grow_through_all_runs(
    skipping: WorkflowEnvironment, request: pytest.FixtureRequest
) -> None:
    """Many purchases wait, and runs end early: a receiver that is down for half a day is asked as seldom as ever."""
    runner = ShortHistories(EVENTS_MAX)
    async with judged_at_rest(SagaWorld(skipping), request) as world, world.running(runner=runner):
        world.told += many()
        world.receiver.answers = down_for(HALF_A_DAY)
        await created(world)
        handle = await start(skipping.client)
        assert await ended(handle) == len(many())
        assert (await handle.describe()).run_id != handle.first_execution_run_id
    tries = asked_at(world)
    pauses = [later - earlier for earlier, later in pairwise(tries) if later - tries[0] < HALF_A_DAY]
    assert len(pauses) < 40
    assert max(pauses) < PAUSE_SECONDS_MAX + SLACK_SECONDS
