"""Payments that a bank processes for days: the seats are held until it has decided, and the money buys them."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.payments.intent import PaymentActivities
from domain.core.transient import TransientError
from domain.orders.order import HoldExtended
from domain.payments.payment import PaymentProcessingBegun
from tests.fakes.world import PurchaseHandle, SagaWorld
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.purchase import LOOKS_AT_A_BANK, PurchaseWorkflow

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md

DAYS = 14


async def slow(world: SagaWorld, client: Client) -> PurchaseHandle:
    """Open a show that gives a bank a fortnight, and pay by a debit."""
    world.show_terms = {"payment_methods": ["sepa_debit"], "processing_days": DAYS}
    await world.open_show(hold_seconds=60, capture_method="automatic")
    handle, _ = await world.buy(client)
    world.gateway.pay(await world.intent_id(), "pm_success_de")
    await handle.signal(PurchaseWorkflow.look_again)
    return handle


async def pass_days(world: SagaWorld, days: float) -> None:
    """Let so many days pass, and no more, while the purchase goes on: the server stops its clock itself."""
    await world.server.sleep(timedelta(days=days))


@pytest.mark.slow
async def test_a_debit_that_succeeds_after_days_buys_the_seats(world: SagaWorld, client: Client) -> None:
    """The hold is extended once, for the show's days; looks are few; the purchase says since when it waits."""
    handle = await slow(world, client)
    await pass_days(world, 10)
    assert await world.stock() == (8, 2, 0)
    order = await world.order()
    extensions = [event for event in world.store.log if isinstance(event, HoldExtended)]
    assert [event.hold_until for event in extensions] == [order.hold_until]
    assert timedelta(days=DAYS) <= order.hold_until - extensions[0].timestamp < timedelta(days=DAYS, minutes=2)
    assert sum(isinstance(event, PaymentProcessingBegun) for event in world.store.log) == 1
    world.gateway.finish_processing(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert world.gateway.calls["retrieve_intent"] < LOOKS_AT_A_BANK + 20


async def test_a_debit_that_fails_frees_the_seats_at_once(world: SagaWorld, client: Client) -> None:
    """The hold itself is over: nobody waits for the days that are left."""
    handle = await slow(world, client)
    await pass_days(world, 3)
    world.gateway.finish_processing(await world.intent_id(), succeed=False)
    looks = world.gateway.calls["retrieve_intent"]
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "hold-expired")
    assert world.gateway.calls["retrieve_intent"] - looks <= 3
    assert await world.stock() == (10, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["fulfilled", "cancelled"])
async def test_a_debit_past_its_limit_needs_an_operator(world: SagaWorld, client: Client, outcome: str) -> None:
    """Nobody can cancel it, so the seats stay held; money that comes buys them, and its failure frees them."""
    handle = await slow(world, client)
    await pass_days(world, DAYS + 1)
    described = await handle.describe()
    assert described.typed_search_attributes.get(NEEDS_OPERATOR) is True
    assert await world.stock() == (8, 2, 0)
    world.gateway.finish_processing(await world.intent_id(), succeed=outcome == "fulfilled")
    assert (await world.ended(handle)).outcome == outcome
    described = await handle.describe()
    assert described.typed_search_attributes.get(NEEDS_OPERATOR) is False


@pytest.mark.slow
async def test_a_cancel_of_a_debit_waits_for_the_bank(world: SagaWorld, client: Client) -> None:
    """The buyer cancels in between: the seats are free once the money is known to be gone."""
    handle = await slow(world, client)
    await pass_days(world, 1)
    await world.purchases.request_cancel((await world.order()).identity)
    await handle.signal(PurchaseWorkflow.buyer_cancelled)
    await pass_days(world, 0.01)
    assert await world.stock() == (8, 2, 0)
    world.gateway.finish_processing(await world.intent_id(), succeed=False)
    assert (await world.ended(handle)).reason == "purchase-cancelled"
    assert await world.stock() == (10, 0, 0)


async def test_a_debit_under_way_is_not_let_go(world: SagaWorld, client: Client) -> None:
    """The step is tried again until the bank has decided."""
    handle = await slow(world, client)
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    with pytest.raises(TransientError, match="neither cancelled nor refunded yet"):
        await ActivityEnvironment().run(payments.cancel_payment, await world.ref())
    world.gateway.finish_processing(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_only_the_methods_of_the_show_can_pay(world: SagaWorld, client: Client) -> None:
    """The show's methods are those of the payment."""
    handle = await slow(world, client)
    (request,) = world.gateway.requests.values()
    assert request.payment_methods == ("sepa_debit",)
    world.gateway.finish_processing(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    await world.ended(handle)
