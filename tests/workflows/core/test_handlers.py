"""Every handler of every workflow takes nothing, too much and the wrong type, and the workflow still ends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import RawValue
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.core.commands import DisputeRef, HoldRef, MintSubject, TreeRef
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import PayoutRef, VenueRef
from activities.tokens.pin import PinPage
from domain.core.errors import WrongState
from domain.payouts.connected_account import PayoutStatus
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid, sold
from tests.workflows.test_deliveries import ENDPOINT, created, many
from tests.workflows.test_letters import letters_wait
from tests.workflows.test_payment_case import begin_case
from tests.workflows.test_payouts import AT_ONCE, SHARE, VENUE, send
from tests.workflows.test_refund import begin as begin_refund
from tests.workflows.test_show_cancellation import begin as begin_cancellation
from tests.workflows.test_show_cancellation import call_off
from tests.workflows.tokens.test_registration import register, reserve
from workflows.dispute import DisputeWorkflow
from workflows.outgoing.deliveries import DeliveryInput, DeliveryWorkflow
from workflows.outgoing.letters import LettersInput, LetterWorkflow
from workflows.payouts import OnboardingInput, OnboardingWorkflow, PayoutWorkflow, TransfersWorkflow
from workflows.registry import declared_workflows
from workflows.stock.capacity import CapacityWorkflow
from workflows.stock.ticket_api_hold import HoldWorkflow
from workflows.tokens.claim import ClaimWorkflow
from workflows.tokens.pinning import PinningWorkflow
from workflows.tokens.registration import ShowWorkflow, VenueWorkflow
from workflows.tokens.roots import RootsInput, RootsWorkflow

pytestmark = pytest.mark.slow  # every handler of every workflow

Handle = WorkflowHandle[Any, Any]
BROKEN = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{"))
UNKNOWN = RawValue(Payload(metadata={"encoding": b"binary/other"}, data=b"\x00"))
TOOK_TWO_SECONDS = "[TMPRL1101]"
INPUTS: tuple[tuple[Any, ...], ...] = (
    (), (None,), ("text",), (7,), ([1, 2],), ({"a": 1},), ({}, {}), (1, 2, 3, 4, 5), (BROKEN,), (UNKNOWN, BROKEN),
)  # fmt: skip


class Waiting(NamedTuple):
    """A workflow that waits, and the act that ends its wait."""

    handle: Handle
    go_on: Callable[[], Awaitable[None]]


async def gated(world: SagaWorld, name: str, start: Callable[[], Awaitable[Handle]]) -> Waiting:
    """Start a workflow that waits for an activity."""
    gate = world.gates.close(name, "before")
    handle = await start()
    await gate.reached.wait()

    async def go_on() -> None:
        gate.open.set()

    return Waiting(handle, go_on)


async def purchase(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    handle, _ = await world.buy(client)

    async def go_on() -> None:
        with suppress(WrongState, RPCError):  # the signal of a cancel has ended it before
            await paid(world, handle)

    return Waiting(handle, go_on)


async def refund(world: SagaWorld, client: Client) -> Waiting:
    await sold(world, client)
    decided = await world.decide_refund()
    return await gated(world, "pay_refund", lambda: begin_refund(client, decided))


async def payment_case(world: SagaWorld, client: Client) -> Waiting:
    intent_id = await sold(world, client)
    return await gated(world, "resolve_late_payment", lambda: begin_case(world, client, intent_id))


async def cancellation(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    await call_off(world)
    return await gated(world, "list_orders_left", lambda: begin_cancellation(client))


async def dispute(world: SagaWorld, client: Client) -> Waiting:
    intent_id = await sold(world, client)
    opened = world.gateway.dispute(intent_id)
    world.gateway.end_dispute(intent_id, opened.dispute_id, won=True)
    ref = DisputeRef(purchase=await world.ref(), dispute_id=opened.dispute_id)
    return await gated(world, "look_at_dispute", lambda: _start(client, DisputeWorkflow.run, ref))


async def onboarding(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    world.connect.ready = False
    handle = await _start(client, OnboardingWorkflow.run, OnboardingInput(venue=VENUE, poll_seconds=3600))
    url = (await handle.execute_update("look"))["url"]
    assert url is not None

    async def go_on() -> None:
        world.connect.onboard("acct_ve_5")
        world.connect.ready = True
        await handle.signal("account_changed")

    return Waiting(handle, go_on)


async def transfers(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    return await gated(world, "list_due_transfers", lambda: _start(client, TransfersWorkflow.run, AT_ONCE))


async def payout(world: SagaWorld, client: Client) -> Waiting:
    await sold(world, client)
    ref = VenueRef(tenant_id="default", venue_id="ve")
    await ActivityEnvironment().run(world.payouts.connect_account, ref)
    [account_id] = world.connect.accounts
    await send(client)
    values = {"payout_id": "po", "amount_minor": SHARE, "currency": "eur", "status": "failed"}
    world.connect.payouts["po"] = PayoutStatus.model_validate(values)
    start = PayoutRef(account_id=account_id, payout_id="po")
    return await gated(world, "follow_payout", lambda: _start(client, PayoutWorkflow.run, start))


async def capacity(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    begun = await world.capacity_changes.begin("default", "sh", {"tt": 12})
    return await gated(world, "fit_group", lambda: _start(client, CapacityWorkflow.run, begun))


async def hold(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    view = await reserve(world)
    start = HoldRef(tenant_id="default", reservation_id="re", until=view.until)
    handle = await _start(client, HoldWorkflow.run, start)

    async def go_on() -> None:
        await world.holds.release("re")
        with suppress(RPCError):
            await handle.signal("hold_ended")

    return Waiting(handle, go_on)


async def pinning(world: SagaWorld, client: Client) -> Waiting:
    await world.open_show()
    return await gated(world, "pin_files", lambda: _start(client, PinningWorkflow.run, PinPage()))


async def written(world: SagaWorld, client: Client) -> Waiting:
    world.show_terms["minting"] = "on_claim"
    await world.open_show()
    start = RootsInput(tree=TreeRef(tenant_id="default", show_id="sh"))
    return await gated(world, "write_root", lambda: _start(client, RootsWorkflow.run, start))


async def venue(world: SagaWorld, client: Client) -> Waiting:
    await world.announce()
    return await gated(world, "mint_group", lambda: _start(client, VenueWorkflow.run, register("venue", "ve")))


async def show(world: SagaWorld, client: Client) -> Waiting:
    await world.announce()
    subject = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    await ActivityEnvironment().run(world.minting.mint_group, subject)
    return await gated(world, "mint_group", lambda: _start(client, ShowWorkflow.run, register("show", "sh")))


async def claim(world: SagaWorld, client: Client) -> Waiting:
    await sold(world, client)
    claimed = await world.claim()
    return await gated(world, "deliver_claim", lambda: _start(client, ClaimWorkflow.run, claimed))


async def deliveries(world: SagaWorld, client: Client) -> Waiting:
    world.told += many()
    await created(world)
    start = DeliveryInput(endpoint=ENDPOINT)
    return await gated(world, "deliver_event", lambda: _start(client, DeliveryWorkflow.run, start))


async def letters(world: SagaWorld, client: Client) -> Waiting:
    await letters_wait(world, client, "one")
    return await gated(world, "send_letter", lambda: _start(client, LetterWorkflow.run, LettersInput()))


SCENES: dict[str, Callable[[SagaWorld, Client], Awaitable[Waiting]]] = {
    "PurchaseWorkflow": purchase,
    "RefundWorkflow": refund,
    "PaymentCaseWorkflow": payment_case,
    "ShowCancellationWorkflow": cancellation,
    "DisputeWorkflow": dispute,
    "OnboardingWorkflow": onboarding,
    "TransfersWorkflow": transfers,
    "PayoutWorkflow": payout,
    "CapacityWorkflow": capacity,
    "HoldWorkflow": hold,
    "PinningWorkflow": pinning,
    "RootsWorkflow": written,
    "VenueWorkflow": venue,
    "ShowWorkflow": show,
    "ClaimWorkflow": claim,
    "DeliveryWorkflow": deliveries,
    "LetterWorkflow": letters,
}


@pytest.mark.parametrize("kind", declared_workflows(), ids=lambda kind: kind.__name__)
async def test_nothing_that_is_sent_fails_a_workflow(kind: type, world: SagaWorld, client: Client) -> None:
    """Each signal, update and query of it gets every wrong input, then the right one; no workflow task fails."""
    with world.server.auto_time_skipping_disabled():
        handle, go_on = await SCENES[kind.__name__](world, client)
        definition = workflow._Definition.must_from_class(kind)
        for given in INPUTS:
            for name in definition.signals:
                with suppress(RPCError):  # one of them has ended it
                    await handle.signal(str(name), args=list(given))
            for name in definition.queries:
                with suppress(WorkflowQueryFailedError):
                    await handle.query(str(name), args=list(given))
        updates = [_update(handle, str(name), given) for name in definition.updates for given in INPUTS]
        answered = asyncio.gather(*updates)
        await go_on()
        await answered
        await handle.result()
    events = [event async for event in handle.fetch_history_events()]
    assert [cause for event in events if (cause := _failure_of(event))] == []
    assert definition.updates
    assert None not in {*definition.signals, *definition.updates, *definition.queries}
    described: tuple[Any, ...] = (
        *definition.signals.values(),
        *definition.updates.values(),
        *definition.queries.values(),
    )
    assert all(handler.description for handler in described)


def _failure_of(event: HistoryEvent) -> str:
    """Return why a workflow task failed; one that ends the workflow is only repeated when there is news.

    A task that took two seconds is repeated as well: the library takes a busy machine for a deadlock.
    """
    failed = event.workflow_task_failed_event_attributes
    is_news = failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    message = failed.failure.message
    return "" if is_news or message.startswith(TOOK_TWO_SECONDS) else message


async def _update(handle: Handle, name: str, given: tuple[Any, ...]) -> None:
    """Send an update; it may be refused, or answer, or its workflow ends before it is taken."""
    with suppress(WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError):
        await handle.execute_update(name, args=list(given))


async def _start(client: Client, run: Any, start: Any) -> Handle:
    handle: Handle = await client.start_workflow(run, start, id="handled", task_queue=PURCHASES)
    return handle
