"""Pauses of letters while the mail server is away: they grow with the time that it is, however often it is tried."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.core.acts import RETRY_NOW
from domain.views.outgoing.letters import Letter, MailAnswer
from tests.fakes.judged import judged_at_rest
from tests.fakes.operator import operate_in
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.short_histories import ShortHistories
from tests.fakes.webhook_box import activity_time
from tests.fakes.world import SagaWorld
from tests.workflows.test_letters import AWAY, TAKEN, letters_wait, start
from workflows.outgoing.pauses import FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX, pause_after

HURRIED = 10  # acts of an impatient operator
EVENTS_MAX = 40  # at which the engine suggests to continue as new
SLACK_SECONDS = 2.0  # that the steps of a try take
TWO_MINUTES = timedelta(minutes=2)
FAILURES = 13  # until the pauses are an hour long


def noted(tries: list[datetime], is_away: Callable[[], bool]) -> Callable[[str, Letter], MailAnswer]:
    """Return the answers of a mail server that notes its tries, and is away while it is said to be."""

    def answers(_: str, __: Letter) -> MailAnswer:
        tries.append(activity_time())
        return AWAY if is_away() else TAKEN

    return answers


def pauses_of(tries: list[datetime]) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(tries)]


async def test_hurried_tries_do_not_lengthen_a_pause(world: SagaWorld, client: Client) -> None:
    """After two minutes without a mail server letters wait as long again at most, however often it was tried.

    An outage before, which ended with the first letter, counts no more.
    """
    await letters_wait(world, client, "one", "two")
    tries = list[datetime]()
    world.mail.answers = noted(tries, lambda: len(tries) > 1 and tries[-1] - tries[1] < TWO_MINUTES)
    with world.server.auto_time_skipping_disabled():
        handle = await start(client, failures=9, first_failed_at=1.0)
        for _ in range(HURRIED):
            tried = len(tries)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(tries) == tried:  # an act that comes during a try counts for that one
                    await operate_in(handle, RETRY_NOW, "retrying")
    assert await handle.result() == 2
    assert len(tries) > HURRIED
    assert sum(pauses_of(tries[1:])) < 2 * TWO_MINUTES.total_seconds() + FIRST_PAUSE_SECONDS + SLACK_SECONDS


async def test_the_pauses_grow_to_an_hour_through_all_runs(
    skipping: WorkflowEnvironment, request: pytest.FixtureRequest
) -> None:
    """Without an operator the next try comes after five seconds, then after twice as long each time."""
    runner, tries = ShortHistories(EVENTS_MAX * 1_000), list[datetime]()
    async with judged_at_rest(SagaWorld(skipping), request) as world, world.running(runner=runner):
        await letters_wait(world, skipping.client, "one")
        runner.events_max = EVENTS_MAX  # for the letters alone
        world.mail.answers = noted(tries, lambda: len(tries) <= FAILURES)
        handle = await start(skipping.client)
        assert await handle.result() == 1
        assert (await handle.describe()).run_id != handle.first_execution_run_id
    pauses = pauses_of(tries)
    assert pauses == pytest.approx([pause_after(number) for number in range(1, FAILURES + 1)], abs=SLACK_SECONDS)
    assert pauses[-2] >= PAUSE_SECONDS_MAX
