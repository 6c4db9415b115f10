"""Histories end: a long run continues as new, and an outage fills it slowly.

Every kind of workflow is collected from the code; the engine's suggestion comes early here, so that each one continues.
"""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.views.outgoing.endpoint import ReceiverAnswer
from tests.fakes.judged import judged_at_rest
from tests.fakes.short_histories import ShortHistories
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid, sold
from tests.workflows.core.test_handlers import SCENES, Handle
from tests.workflows.test_refund import begin as begin_refund
from workflows.core.runs.long_runs import GOES_ON
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.registry import declared_workflows

pytestmark = pytest.mark.slow  # hours of outage: a quarter of the workflow tests' processor time
EVENTS_MAX = 25  # at which the engine suggests to continue as new
MINUTE = timedelta(minutes=1)
MINUTES_OF_AN_HOUR, HOURS_OF_A_WEEK = 60, 168
EVENTS_OF_AN_HOUR_MAX = 120  # for each activity that fails; its pauses are drawn, so that the number varies
ENGINE_EVENTS_MAX = 51_200  # a longer history is ended by force


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose engine wants runs to end early."""
    runner = ShortHistories(EVENTS_MAX)
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running(runner=runner):
        yield made


async def runs_of(client: Client, handle: Handle) -> list[list[HistoryEvent]]:
    """Return the events of each run, the first one first."""
    runs, run_id = [], handle.first_execution_run_id or handle.result_run_id
    while run_id:
        run = client.get_workflow_handle(handle.id, run_id=run_id)
        runs.append([event async for event in run.fetch_history_events()])
        run_id = runs[-1][-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return runs


def calls_after(events: list[HistoryEvent], events_max: int) -> Counter[tuple[str, bytes]]:
    """Count the rounds of each call that a run began after the engine had suggested to end it."""
    told = next(
        (
            event.event_id
            for event in events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED and event.event_id > events_max
        ),
        len(events),
    )
    begun = [event.activity_task_scheduled_event_attributes for event in events if event.event_id > told]
    return Counter((one.activity_type.name, one.input.SerializeToString()) for one in begun if one.activity_type.name)


async def outlast(world: SagaWorld, minutes: int) -> None:
    """Let time pass, in pieces that the test server gets through."""
    for _ in range(minutes):
        await world.server.sleep(MINUTE)


async def everything_away(kind: type, world: SagaWorld, client: Client) -> Handle:
    """Bring a workflow of a kind to a wait, and let every step fail from there on."""
    with world.server.auto_time_skipping_disabled():
        handle, go_on = await SCENES[kind.__name__](world, client)
        world.gates.away.add("*")
        await go_on()
    return handle


@pytest.mark.parametrize("kind", declared_workflows(), ids=lambda kind: kind.__name__)
async def test_a_long_run_continues_as_new(kind: type, world: SagaWorld, client: Client) -> None:
    """In an outage each run ends with what is in it; afterwards the workflow ends as it should.

    A call that is under way when the engine suggests the end may begin one more round, and no call begins two.
    """
    handle = await everything_away(kind, world, client)
    await outlast(world, 3)
    runs = await runs_of(client, handle)
    assert len(runs) > 1
    assert [calls for run in runs[:-1] if max((calls := calls_after(run, EVENTS_MAX)).values(), default=0) > 1] == []
    world.gates.away.clear()
    await handle.result()
    assert (await handle.describe()).typed_search_attributes.get(NEEDS_OPERATOR) is not True


@pytest.mark.leaves_open(reason="the test ends before its purchase")
async def test_an_update_in_flight_is_told_that_the_run_has_ended(world: SagaWorld, client: Client) -> None:
    """It does not hold up the next run, and can be sent again."""
    await world.open_show()
    world.gates.away.add("create_intent")
    purchase = await world.request()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.start(client, purchase)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == GOES_ON
    await client.get_workflow_handle(f"purchase/{purchase.purchase_id}").terminate()


async def test_a_refund_whose_tokens_cannot_be_burnt_goes_on_in_the_next_run(world: SagaWorld, client: Client) -> None:
    """The money goes back at once; the seats come back on sale once the tokens are gone, however many runs later."""
    world.show_terms["resell_refunded"] = True
    await sold(world, client)
    world.gates.away.add("burn_ticket")
    handle = await begin_refund(client, await world.decide_refund())
    await outlast(world, 3)
    assert len(await runs_of(client, handle)) > 1
    world.gates.away.clear()
    assert await handle.result() == "refunded"


class Rate(NamedTuple):
    """The events of the first hour of an outage; those of the second, when pauses have grown, and what was called."""

    first: int
    later: int
    called: set[str]

    @property
    def week(self) -> int:
        """The events of a week of it: each further hour is like the second one."""
        return self.first + self.later * (HOURS_OF_A_WEEK - 1)


async def rate(world: SagaWorld, client: Client, handle: Handle) -> Rate:
    """Let two hours of an outage pass, and count."""
    hours: list[list[HistoryEvent]] = []
    for _ in range(2):
        await outlast(world, MINUTES_OF_AN_HOUR)
        hours.append([event for run in await runs_of(client, handle) for event in run])
    later = hours[1][len(hours[0]) :]
    called = {event.activity_task_scheduled_event_attributes.activity_type.name for event in later} - {""}
    return Rate(len(hours[0]), len(later), called)


@pytest.fixture
async def patient(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose engine never suggests to end a run."""
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running(runner=ShortHistories(10**9)):
        yield made


# The local tries of a purchase's steps wait in real time: two hours of its outage take minutes.
SLOW = {"PurchaseWorkflow": (pytest.mark.nightly, pytest.mark.timeout(1200))}
KINDS = [pytest.param(kind, id=kind.__name__, marks=SLOW.get(kind.__name__, ())) for kind in declared_workflows()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.nightly
async def test_a_week_of_outage_fits_into_one_history(kind: type, patient: SagaWorld, client: Client) -> None:
    """Even in one run; that runs end comes on top. Each activity that fails has its line."""
    handle = await everything_away(kind, patient, client)
    seen = await rate(patient, client, handle)
    assert seen.later <= EVENTS_OF_AN_HOUR_MAX * len(seen.called)
    assert seen.week < ENGINE_EVENTS_MAX
    patient.gates.away.clear()
    await handle.result()


async def test_an_outage_costs_the_same_with_more_tickets(patient: SagaWorld, client: Client) -> None:
    """Of the tickets that cannot be minted one at a time is tried again."""
    await patient.open_show()
    patient.gates.away.add("mint_ticket")
    handle, _ = await patient.buy(client, quantity=10)
    await paid(patient, handle)
    seen = await rate(patient, client, handle)
    assert seen.later <= EVENTS_OF_AN_HOUR_MAX * len(seen.called)
    assert seen.week < ENGINE_EVENTS_MAX
    patient.gates.away.clear()
    assert (await patient.ended(handle)).outcome == "fulfilled"


@pytest.mark.parametrize("away", ["receiver", "deliver_event"])
async def test_an_outage_of_a_receiver_fits_into_one_history(away: str, patient: SagaWorld, client: Client) -> None:
    """However many purchases wait: what is due can still be listed, and each event fails, or the step itself."""
    with patient.server.auto_time_skipping_disabled():
        handle, go_on = await SCENES["DeliveryWorkflow"](patient, client)
        patient.receiver.answers = lambda _, __: ReceiverAnswer(None, "timeout")
        patient.gates.away.add(away)
        await go_on()
    seen = await rate(patient, client, handle)
    assert seen.called == {"deliver_event", "list_due_events"}
    assert seen.later <= EVENTS_OF_AN_HOUR_MAX
    assert seen.week < ENGINE_EVENTS_MAX
    patient.gates.away.clear()
    patient.receiver.answers = lambda _, __: ReceiverAnswer(200)
    assert await handle.result() == len(patient.told) == len(patient.receiver.taken)
