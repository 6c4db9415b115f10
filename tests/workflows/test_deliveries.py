"""Deliveries of outgoing events to a webhook endpoint, in skipped time: once by id, in order per purchase."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment

from activities.access.webhooks.deliver import EndpointRef
from activities.access.webhooks.endpoints import CreateEndpoint, EndpointCommands
from activities.core.acts import GIVE_UP, RETRY_NOW
from activities.core.task_queues import PURCHASES
from adapters.read_models.documents import OutgoingLine
from domain.access.endpoint import WebhookEndpoint
from domain.views.outgoing.endpoint import DeliveryAttempt, EndpointFilter, ReceiverAnswer
from tests.fakes.judged import judged_at_rest
from tests.fakes.operator import operate, operate_in, seen_by_operator
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.short_histories import ShortHistories
from tests.fakes.time_skipping import skipping_time
from tests.fakes.webhook_box import told
from tests.fakes.world import SagaWorld
from workflows.core.reasons import Reason
from workflows.outgoing.deliveries import AT_ONCE, FAILING_AFTER, DeliveryInput, DeliveryWorkflow, Lane

PURCHASES_SOLD = 20
TYPES = ("order.confirmed", "ticket.issued", "ticket.minted", "order.fulfilled")
ENDPOINT = EndpointRef(tenant_id="default", endpoint_id="we")
WHOLE = EndpointFilter("we", "default", "", ())
TAKEN, BROKEN = ReceiverAnswer(200), ReceiverAnswer(500)
DAY = timedelta(days=1)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def many() -> list[OutgoingLine]:
    """Return the events of many purchases, mixed as they happen side by side."""
    named = [(f"pu_{number}", kind) for kind in TYPES for number in range(PURCHASES_SOLD)]
    return [told(position, purchase_id, kind, AT) for position, (purchase_id, kind) in enumerate(named, start=1)]


@pytest.fixture
def world(world: SagaWorld) -> SagaWorld:
    """A world whose outgoing events are given."""
    world.told += many()
    return world


async def created(world: SagaWorld, *types: str) -> EndpointCommands:
    commands = EndpointCommands(world.store, world.endpoint_secrets)
    asked: dict[str, Any] = {"venue_id": "", "url": "https://door.example/", "types": types, "after": 0}
    await commands.create(CreateEndpoint(endpoint_id="we", tenant_id="default", body_digest="d", **asked))
    return commands


async def start(client: Client, **more: Any) -> WorkflowHandle[DeliveryWorkflow, int]:
    return await client.start_workflow(
        DeliveryWorkflow.run,
        DeliveryInput(endpoint=ENDPOINT, **more),
        id="webhooks/we",
        task_queue=PURCHASES,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def ended(handle: WorkflowHandle[DeliveryWorkflow, int]) -> int:
    """Await the result; the handle of a start lets the server skip time by itself."""
    return await handle.result()


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the receiver is no task
            await asyncio.sleep(0.02)


async def needing_an_operator(world: SagaWorld, handle: WorkflowHandle[DeliveryWorkflow, int]) -> None:
    """Wait, while time is skipped, until the endpoint is switched off."""
    async with skipping_time(world.server), asyncio.timeout(PATIENCE_SECONDS):
        while (await seen_by_operator(handle)).stage != "switched-off":  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.05)
    assert (await seen_by_operator(handle)).needs[0].reason == Reason.ENDPOINT_FAILING


async def note_delivered(world: SagaWorld, lines: list[OutgoingLine]) -> None:
    """Note in the log that the endpoint took these events in an earlier run."""
    for line in lines:
        sent = ("we", line.position, line.event_id, line.type)
        await world.deliveries.note(DeliveryAttempt(*sent, "delivered", 200, None, AT))


async def state(world: SagaWorld) -> str:
    endpoint = await world.store.read(lambda uow: uow.get(WebhookEndpoint, "we"))
    return endpoint.state


def check_each_once_in_order(world: SagaWorld, lines: list[OutgoingLine]) -> None:
    """Every event was taken once by its id, and those of a purchase in the order of their positions."""
    taken = world.receiver.taken
    assert Counter(event["id"] for event in taken) == Counter(line.event_id for line in lines)
    for purchase_id in {line.purchase_id for line in lines}:
        own = [event["position"] for event in taken if event["purchase_id"] == purchase_id]
        assert own == sorted(own)


@pytest.mark.slow  # a receiver's whole bad day
async def test_a_receiver_that_is_down_slow_and_wrong_gets_each_event_once(world: SagaWorld, client: Client) -> None:
    """Down for a day, then wrong in every tenth answer: each event once by id, in order per purchase."""
    began: list[datetime] = []

    def answers(_: str, at: datetime) -> ReceiverAnswer:
        began.append(at)
        if at - began[0] < DAY:
            return ReceiverAnswer(None, "timeout")
        return BROKEN if len(began) % 10 == 0 else TAKEN

    world.receiver.answers = answers
    await created(world)
    assert await ended(await start(client)) == len(many())
    check_each_once_in_order(world, many())
    assert began[-1] - began[0] > DAY
    before = [at for at in began if at - began[0] < DAY]
    assert len(before) < 60  # the pauses grow: an hour at most between two looks at a receiver that is down
    assert await state(world) == "on"
    assert world.deliveries.positions["we"].position == len(many())


@pytest.mark.slow  # three days of tries
async def test_one_bad_event_holds_its_purchase_alone_and_is_given_up_after_three_days(
    world: SagaWorld, client: Client
) -> None:
    """The others go on meanwhile; then the rest of its purchase is delivered, and the log says what became of it."""
    bad = many()[0]
    world.receiver.answers = lambda event_id, _: BROKEN if event_id == bad.event_id else TAKEN
    await created(world)
    assert await ended(await start(client)) == len(many()) - 1
    check_each_once_in_order(world, many()[1:])
    (entry,) = [one for one in await world.deliveries.entries("we", 10**6, 10**6) if one["position"] == bad.position]
    assert (entry["state"], entry["status"], entry["event_id"]) == ("given-up", 500, bad.event_id)
    positions = [event["position"] for event in world.receiver.taken]
    assert positions[-3:] == [line.position for line in many() if line.purchase_id == bad.purchase_id][1:]
    assert await state(world) == "on"


async def test_its_tenant_switches_it_on_again(world: SagaWorld, client: Client) -> None:
    """The route's act and its signal end the wait, too; one that is gone is switched off at once."""
    world.receiver.answers = lambda _, __: ReceiverAnswer(410)
    commands = await created(world)
    handle = await start(client)
    await needing_an_operator(world, handle)
    assert len(world.receiver.asked) <= FAILING_AFTER + AT_ONCE
    world.receiver.answers = lambda _, __: TAKEN
    await commands.switch("we", on=True)
    await handle.signal("look_again")
    assert await ended(handle) == len(many())
    check_each_once_in_order(world, many())


async def test_the_last_of_two_acts_decides(world: SagaWorld, client: Client) -> None:
    """An operator switches it on and leaves it off again before the workflow has looked: it stays off."""
    world.receiver.answers = lambda _, __: ReceiverAnswer(410)
    await created(world)
    handle = await start(client)
    await needing_an_operator(world, handle)
    with world.server.auto_time_skipping_disabled():
        gate = world.gates.close("list_due_events", "before")
        await operate(handle, RETRY_NOW)
        await gate.reached.wait()
        leaving = asyncio.ensure_future(operate(handle, GIVE_UP, stage="switched-off"))
        await until(lambda: world.gates.ran.count("record_operator_act") == 2)
        await asyncio.sleep(0.3)
        gate.open.set()
        assert "stays off" in await leaving
        assert await handle.result() == 0
    assert await state(world) == "off"


async def test_an_operator_ends_a_pause_between_two_tries(world: SagaWorld, client: Client) -> None:
    """A receiver that is back gets its events now; an endpoint that is on needs no switch."""
    world.receiver.answers = lambda _, __: BROKEN
    await created(world)
    handle = await start(client)
    with world.server.auto_time_skipping_disabled():
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await seen_by_operator(handle)).stage != "retrying":  # noqa: ASYNC110 - a query
                await asyncio.sleep(0.02)
        world.receiver.answers = lambda _, __: TAKEN
        await operate_in(handle, RETRY_NOW, "retrying")
        assert await handle.result() == len(many())
    check_each_once_in_order(world, many())


async def test_a_wake_during_a_look_ends_a_pause(world: SagaWorld, client: Client) -> None:
    """What failed an hour ago is tried now, also if the wish came while the workflow asked what is due."""
    bad = many()[-1]

    def answers(*_: object) -> ReceiverAnswer:
        if not world.gates.gates:
            world.gates.close("list_due_events", "before")
            return BROKEN
        return TAKEN

    world.receiver.answers = answers
    await created(world)
    await note_delivered(world, many()[:-1])
    lane = Lane(name=bad.purchase_id or "", positions=(bad.position,), tries=10, since=1.0)
    with world.server.auto_time_skipping_disabled():
        handle = await start(client, seen=0, after=bad.position, lanes=(lane,))
        await until(lambda: world.gates.gates)
        (gate,) = world.gates.gates.values()
        await gate.reached.wait()
        await handle.signal("look_again")
        gate.open.set()
        assert await handle.result() == 1


@pytest.mark.parametrize("how", ["switched off", "deleted"])
async def test_nothing_is_sent_to_an_endpoint_that_is_not_on(world: SagaWorld, client: Client, how: str) -> None:
    """A workflow that waits for a failing receiver ends when its endpoint is switched off or deleted."""
    world.receiver.answers = lambda _, __: BROKEN
    commands = await created(world)
    handle = await start(client)
    with world.server.auto_time_skipping_disabled():
        await until(lambda: len(world.receiver.asked) >= len(TYPES))
        await (commands.delete("we") if how == "deleted" else commands.switch("we", on=False))
        await handle.signal("look_again")
        assert await handle.result() == 0
    asked = len(world.receiver.asked)
    assert await ended(await start(client)) == 0
    assert len(world.receiver.asked) == asked


async def test_events_are_sent_again_by_id_and_since_a_time(world: SagaWorld, client: Client) -> None:
    """Under their old ids; one by its id even if the filter leaves its type out, all since a time within the filter."""
    lines = many()
    await created(world, "order.confirmed", "order.fulfilled")
    assert await ended(await start(client)) == 2 * PURCHASES_SOLD
    minted = next(line for line in lines if line.type == "ticket.minted")
    wanted = WHOLE._replace(types=("order.confirmed", "order.fulfilled"))
    assert await world.deliveries.send_again(wanted, minted.event_id) == 1
    assert await world.deliveries.send_again(wanted, "ev_unknown") == 0
    assert await ended(await start(client)) == 1
    assert world.receiver.taken[-1]["id"] == minted.event_id
    assert await world.deliveries.send_since(wanted, datetime(2027, 1, 1, tzinfo=UTC)) == 0
    assert await world.deliveries.send_since(wanted, datetime(2026, 1, 1, tzinfo=UTC)) == 2 * PURCHASES_SOLD
    assert await ended(await start(client)) == 2 * PURCHASES_SOLD
    times = Counter(event["id"] for event in world.receiver.taken)
    assert set(times.values()) == {1, 2}
    assert world.deliveries.positions["we"].position == len(lines)


async def test_a_replay_reaches_a_workflow_that_runs(world: SagaWorld, client: Client) -> None:
    """While it waits for one bad event, events before it are sent again: its position moves back."""
    bad = many()[-1]
    world.receiver.answers = lambda event_id, _: BROKEN if event_id == bad.event_id else TAKEN
    await created(world)
    handle = await start(client)
    with world.server.auto_time_skipping_disabled():
        await until(lambda: len(world.receiver.taken) == len(many()) - 1)
        first = many()[0]
        assert await world.deliveries.send_again(WHOLE, first.event_id) == 1
        await handle.signal("look_again")
        await until(lambda: world.receiver.taken[-1]["id"] == first.event_id)
        world.receiver.answers = lambda _, __: TAKEN
        await handle.signal("look_again")
        assert await handle.result() == len(many()) + 1
    assert Counter(event["id"] for event in world.receiver.taken)[first.event_id] == 2


async def test_both_secrets_sign_for_a_day(world: SagaWorld, client: Client) -> None:
    """After a rotation the old and the new one sign, so that a receiver takes the new one when it likes."""
    commands = await created(world)
    secret = await commands.rotate("we")
    await ended(await start(client))
    assert world.receiver.signed_with[0][0] == secret
    assert [len(found) for found in world.receiver.signed_with] == [2] * len(many())


async def test_a_long_run_continues_as_new(world: SagaWorld, client: Client) -> None:
    """The next run has the lanes, the failures and the position of the one before."""
    lane = Lane(name="pu_0", positions=(1, 21), tries=3, since=1.0, due=0.0)
    await created(world)
    await note_delivered(world, [line for line in many()[:40] if line.position not in lane.positions])
    handle = await start(client, seen=0, after=40, lanes=(lane,), failures=2, failing_since=1.0, delivered=5)
    assert await ended(handle) == 5 + 2 + 40  # what lies before is delivered by an earlier run, or waits in a lane
    taken = [event["position"] for event in world.receiver.taken]
    assert sorted(taken) == [1, 21, *range(41, 81)]


async def test_an_act_does_not_hold_up_the_next_run(
    skipping: WorkflowEnvironment, request: pytest.FixtureRequest
) -> None:
    """An act that is being recorded when a run continues as new has its effect in the next one."""
    runner = ShortHistories(10**9)
    async with judged_at_rest(SagaWorld(skipping), request) as world, world.running(runner=runner):
        world.told += many()
        world.receiver.answers = lambda _, __: ReceiverAnswer(410)
        world.gates.regular.add("record_operator_act")
        await created(world)
        handle = await start(skipping.client)
        await needing_an_operator(world, handle)
        with skipping.auto_time_skipping_disabled():
            gate = world.gates.close("record_operator_act", "after")
            leaving = asyncio.ensure_future(operate(handle, GIVE_UP, stage="switched-off"))
            await gate.reached.wait()
            runner.events_max = 1
            await handle.signal("look_again")
            await asyncio.sleep(0.3)
            gate.open.set()
            assert "stays off" in await leaving
            runner.events_max = 10**9
            assert await handle.result() == 0
            assert (await handle.describe()).run_id != handle.first_execution_run_id
        assert await state(world) == "off"
