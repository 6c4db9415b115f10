"""The purchase saga on fakes: every outcome of a purchase, with stock and money at its end."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from activities.core.task_queues import PURCHASES
from domain.core.errors import NotOnSale
from domain.money.books import buyer_refundable
from tests.fakes.payment_gateway import Verb
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseWorkflow


async def test_happy(world: SagaWorld, client: Client) -> None:
    """A paid purchase ends with minted tickets, sold seats and a credited venue."""
    await world.open_show()
    handle, answer = await world.buy(client)
    assert answer.state == "open"
    assert answer.order is not None
    assert answer.order.price.total_minor == 2000 + 150 + 58
    await paid(world, handle)
    result = await world.ended(handle)
    assert result.outcome == "fulfilled"
    assert len(result.ticket_addresses) == 2
    assert await world.stock() == (8, 0, 2)
    assert world.books()["venue:ve:payable", "eur"] == 2000
    assert world.checkouts.kept == {}


async def test_expiry(world: SagaWorld, client: Client) -> None:
    """An unpaid hold ends: the intent is cancelled first, then the seats are free."""
    await world.open_show(hold_seconds=60)
    handle, _ = await world.buy(client)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "hold-expired")
    assert (await world.gateway.retrieve_intent(await world.intent_id())).status == "canceled"
    order = [name for name in world.gates.ran if name in {"cancel_payment", "cancel_order"}]
    assert order == ["cancel_payment", "cancel_order"]
    assert await world.stock() == (10, 0, 0)


async def test_expiry_while_processing_holds_on(world: SagaWorld, client: Client) -> None:
    """A payment that is processing at the hold's end keeps its seats, and buys them when it succeeds."""
    await world.open_show(hold_seconds=60)
    handle, _ = await world.buy(client)
    world.gateway.begin_processing(await world.intent_id())
    gate = world.gates.close("extend_hold", "after")
    ended = asyncio.create_task(world.ended(handle))
    await gate.reached.wait()
    assert await world.stock() == (8, 2, 0)
    world.gateway.finish_processing(await world.intent_id())
    gate.open.set()
    assert (await ended).outcome == "fulfilled"


async def test_paid_at_the_last_moment(world: SagaWorld, client: Client) -> None:
    """A payment found at Stripe at the hold's end buys the tickets, although no webhook came."""
    await world.open_show(hold_seconds=20)
    handle, _ = await world.buy(client)
    world.gateway.pay(await world.intent_id())
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_decline_then_success(world: SagaWorld, client: Client) -> None:
    """A declined card leaves the purchase open for another try."""
    await world.open_show()
    handle, _ = await world.buy(client)
    world.gateway.decline(await world.intent_id())
    await handle.signal(PurchaseWorkflow.look_again)
    await asyncio.sleep(0.2)
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_capture_refused(world: SagaWorld, client: Client) -> None:
    """A refused capture compensates everything: seats back, no money, tickets void."""
    await world.open_show()
    world.gateway.refuse("capture_intent")
    handle, _ = await world.buy(client)
    await paid(world, handle)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "payment-refused")
    assert await world.stock() == (10, 0, 0)


@pytest.mark.parametrize("verb", ["create_intent", "capture_intent"])
async def test_an_unknown_answer_is_asked_until_known(world: SagaWorld, client: Client, verb: Verb) -> None:
    """A call whose answer was lost is repeated; it has its effect once."""
    await world.open_show()
    world.gateway.fail_after(verb, 3)
    handle, _ = await world.buy(client)
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_a_lost_create_is_repeated_under_its_key(world: SagaWorld, client: Client) -> None:
    """While Stripe's search lags behind, only the key keeps a repeated create from making a second intent."""
    await world.open_show()
    world.gateway.search_lags = True
    world.gateway.fail_after("create_intent", 2)
    handle, _ = await world.buy(client)
    assert world.gateway.effects["create_intent"] == 1
    world.gateway.search_lags = False
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_sold_out_refuses_and_frees_the_key(world: SagaWorld, client: Client) -> None:
    """The saga refuses a recorded request without seats: then the key is free for another body."""
    await world.open_show()
    handle, answer = await world.start(client, await world.only_requested(quantity=11))
    assert (answer.state, answer.refusal_code) == ("ended", "sold-out")
    assert (await world.ended(handle)).outcome == "refused"
    handle, answer = await world.buy(client, quantity=3)
    assert answer.state == "open"
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_duplicate_start(world: SagaWorld, client: Client) -> None:
    """The same key twice, also at once, is one purchase with one intent."""
    await world.open_show()
    (handle, first), (again, second) = await asyncio.gather(world.buy(client), world.buy(client))
    assert first == second
    assert handle.id == again.id
    await paid(world, handle)
    assert (await world.ended(again)).outcome == "fulfilled"
    assert await world.stock() == (8, 0, 2)


async def test_late_webhook(world: SagaWorld, client: Client) -> None:
    """A payment event after the end opens a case, which ends without money of the buyer."""
    await world.open_show(hold_seconds=20)
    handle, _ = await world.buy(client)
    await world.ended(handle)
    intent_id = await world.intent_id()
    outcome = await client.execute_workflow(
        PaymentCaseWorkflow.run,
        CaseInput(purchase=await world.ref(), intent_id=intent_id),
        id=f"payment-case/{intent_id}",
        task_queue=PURCHASES,
    )
    assert outcome == "canceled"


@pytest.mark.parametrize("trouble", ["drop_sends", "fail_before", "fail_after", "expire"])
async def test_chain_errors(world: SagaWorld, client: Client, trouble: str) -> None:
    """A dropped, unanswered or expired transaction still ends in one token per ticket."""
    await world.open_show()
    if trouble == "drop_sends":
        world.chain.drop_sends(2)
    elif trouble == "expire":
        world.chain.drop_sends(1)
        world.chain.expire()
    else:
        getattr(world.chain, trouble)("send", 2)
    handle, _ = await world.buy(client)
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"


async def test_automatic_capture(world: SagaWorld, client: Client) -> None:
    """With automatic capture a cancel owes the money to the buyer, and a refund returns it; no seat waits for that."""
    await world.open_show(capture_method="automatic")
    gate = world.gates.close("confirm_seats", "before")
    handle, _ = await world.buy(client)
    await paid(world, handle)
    await gate.reached.wait()
    assert world.gateway.captured_minor == 2208
    await world.purchases.request_cancel((await world.order()).identity)
    gate.open.set()
    assert (await world.ended(handle)).outcome == "cancelled"
    assert await world.stock() == (10, 0, 0)
    assert world.books()[buyer_refundable((await world.order()).identity), "eur"] == 2208
    assert await world.give_back(client) == ["refunded"]
    assert world.gateway.refunded_minor == 2208


@pytest.mark.parametrize("left_minor", [0, 100])
@pytest.mark.parametrize("capture_method", ["automatic", "manual"])
async def test_money_that_went_back_buys_nothing(
    world: SagaWorld, client: Client, capture_method: str, left_minor: int
) -> None:
    """A payment that was refunded before its tickets were sold ends the purchase, also in a new run."""
    await world.open_show(capture_method=capture_method)
    handle, answer = await world.buy(client)
    assert answer.order is not None
    intent_id = await world.intent_id()
    world.gateway.pay(intent_id)
    if capture_method == "manual":
        await world.gateway.capture_intent(intent_id, "in the dashboard")
    world.gateway.refund_in_dashboard(intent_id, answer.order.price.total_minor - left_minor)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "payment-refused")
    await world.give_back(client)


@pytest.mark.parametrize("capture_method", ["automatic", "manual"])
@pytest.mark.parametrize("changed", [{"amount_minor": 2000}, {"amount_minor": 3000}, {"currency": "usd"}])
async def test_another_amount_than_the_price_buys_nothing(
    world: SagaWorld, client: Client, capture_method: str, changed: dict[str, Any]
) -> None:
    """A payment whose amount was changed at Stripe is cancelled, or refunded in full."""
    await world.open_show(capture_method=capture_method)
    handle, _ = await world.buy(client)
    intent_id = await world.intent_id()
    world.gateway.intents[intent_id] = world.gateway.intents[intent_id].model_copy(update=changed)
    world.gateway.pay(intent_id)
    result = await world.ended(handle)
    assert (result.outcome, result.reason) == ("cancelled", "payment-refused")
    await world.give_back(client)
    assert world.gateway.refunded_minor == world.gateway.captured_minor


async def test_a_show_that_is_not_on_chain_sells_nothing(world: SagaWorld, client: Client) -> None:
    """A show without its group on chain sells nothing (gap 3 of the audit)."""
    await world.announce()
    with pytest.raises(NotOnSale):
        await world.request()
