"""Free orders: the whole saga without Stripe."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.payments.intent import PaymentActivities
from activities.sales.order import SalesActivities
from domain.core.errors import CancelTooLate
from domain.core.ids import DEFAULT_TENANT
from domain.payouts.payee import Payee
from tests.fakes.identity import purchase_id_of
from tests.fakes.world import SagaWorld


@pytest.fixture
async def free(world: SagaWorld) -> SagaWorld:
    world.price_minor = 0
    await world.open_show()
    return world


async def test_a_free_order_is_fulfilled_without_stripe(free: SagaWorld, client: Client) -> None:
    """Its tickets are minted, its books owe no money, and no step runs on Stripe's queue."""
    handle, answer = await free.buy(client)
    assert answer.order is not None
    assert (answer.state, answer.order.price.total_minor) == ("open", 0)
    result = await free.ended(handle)
    assert (result.outcome, len(result.ticket_addresses)) == ("fulfilled", 2)
    assert not free.gateway.calls
    assert free.gates.ran.count("mint_ticket") == 2
    assert {"create_intent", "look_at_intent", "capture_payment", "close_checkout"} & set(free.gates.ran) == set()
    assert free.books() == {("tickets:sold", "TICKET"): 0, ("mint:debt", "TICKET"): 0}
    assert await free.stock() == (8, 0, 2)
    with pytest.raises(CancelTooLate):
        await free.purchases.request_cancel((await free.ref()).purchase_id)


async def test_a_free_order_whose_cancel_came_first_leaves_nothing(free: SagaWorld, client: Client) -> None:
    """The buyer's cancel and the confirmation of the seats exclude each other, as with money."""
    gate = free.gates.close("confirm_seats", "before")
    buying = asyncio.create_task(free.buy(client))
    await gate.reached.wait()
    await free.purchases.request_cancel(purchase_id_of(DEFAULT_TENANT, "key"))
    gate.open.set()
    handle, answer = await buying
    assert (answer.state, answer.refusal_code) == ("ended", "purchase-cancelled")
    assert (await free.ended(handle)).outcome == "cancelled"
    assert not free.gateway.calls


@pytest.mark.leaves_open(reason="only one step of a purchase is called")
async def test_no_payment_is_made_to_undo_a_free_order(free: SagaWorld) -> None:
    """The undo of the payment creates no intent of zero in order to cancel it."""
    purchase = await free.request()
    await SalesActivities(free.store).place_order(purchase)
    payments = PaymentActivities(free.store, free.gateway, free.checkouts)
    assert await ActivityEnvironment().run(payments.cancel_payment, purchase) is None
    assert not free.gateway.calls


async def test_a_cash_sale_is_fulfilled_without_stripe(world: SagaWorld, client: Client) -> None:
    """The cash is in the till: no step runs on Stripe's queue, and the venue owes the fee."""
    await world.open_show()
    purchase = await world.request(tender="cash")
    handle, answer = await world.start(client, purchase)
    assert answer.order is not None
    assert answer.order.price.total_minor == 2150
    assert (await world.ended(handle)).outcome == "fulfilled"
    assert not world.gateway.calls
    assert "close_checkout" not in world.gates.ran
    books = world.books()
    assert (books["till:ve:cash", "eur"], books["venue:ve:paid-out", "eur"]) == (-2150, 2150)
    assert books["venue:ve:payable", "eur"] == -150
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor == {"eur": 150}
