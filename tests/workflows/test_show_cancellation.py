"""A cancelled show on fakes: sales stop, holds end, and every order is refunded exactly once."""

import asyncio
from functools import partial
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle

from activities.core.about import About
from activities.core.acts import RETRY_NOW
from activities.core.commands import RefundRef
from activities.core.task_queues import PURCHASES
from activities.refunds.cancel_show import CancelledOrder, CancelShow
from activities.sales.ticket_api_holds import MakeReservation
from domain.catalog.line import Line
from domain.catalog.show_cancellation import ShowCancellation
from domain.core.errors import KeyReused, NotOnSale
from domain.core.ids import DEFAULT_TENANT
from domain.core.unit_of_work import UnitOfWork
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from domain.stock.reservation import Reservation
from tests.fakes.identity import purchase_id_of
from tests.fakes.operator import operate_in
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.show_reads import FoldedShows
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from workflows.core.search_attributes import AMOUNT_MINOR, PURCHASE_ID, SHOW_ID, STAGE, VENUE_ID, shown_as
from workflows.refund import RefundInput, RefundWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow

Handle = WorkflowHandle[Any, str]


async def sell(world: SagaWorld, client: Client, *keys: str) -> None:
    for key in keys:
        handle, _ = await world.buy(client, key, 1)
        await paid(world, handle, key)
        await world.ended(handle)


async def call_off(world: SagaWorld, fees: Any = "venue", digest: str = "c") -> None:
    command = CancelShow(tenant_id="default", show_id="sh", body_digest=digest, fees=fees, rate_per_second=1000)
    await world.cancellations.cancel_show(command)


async def begin(client: Client, **more: Any) -> Handle:
    start = ShowCancellationInput(tenant_id="default", show_id="sh", **{"residue_seconds": 1, **more})
    shown = shown_as("Refunds a cancelled show", "cancelling", About(show_id="sh", venue_id="ve"))
    return await client.start_workflow(
        ShowCancellationWorkflow.run, start, id="show-cancellation/sh", task_queue=PURCHASES, **shown
    )


async def ended(world: SagaWorld, client: Client, handle: Handle) -> str:
    """Await the end of the cancellation and of every refund, which may still be burning tokens."""
    with world.server.auto_time_skipping_disabled():
        result = await handle.result()
        for refund in await all_refunds(world):
            await client.get_workflow_handle(f"refund/{refund.refund_id}").result()
    return result


async def all_refunds(world: SagaWorld) -> list[Refund]:
    ids = [stream.partition(":")[2] for stream in world.store.streams if stream.startswith("refunds:")]
    books = [await world.store.read(partial(UnitOfWork.get, kind=Refunds, identity=name)) for name in ids]
    return [refund for book in books for refund in book.refunds.values()]


async def shown(handle: Handle, stage: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await handle.describe()).typed_search_attributes.get(STAGE) != stage:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def refunds_of(world: SagaWorld, key: str) -> list[str]:
    book = await world.store.read(lambda uow: uow.find(Refunds, purchase_id_of(DEFAULT_TENANT, key)))
    return [] if book is None else [refund.state for refund in book.refunds.values()]


async def state_of(world: SagaWorld) -> str:
    return await world.store.read(lambda uow: uow.get(ShowCancellation, "sh").state)


async def give_back(client: Client, refund: RefundRef) -> None:

    start = RefundInput(refund=refund)
    await client.start_workflow(RefundWorkflow.run, start, id=f"refund/{refund.refund_id}", task_queue=PURCHASES)


async def test_every_order_goes_back_once(world: SagaWorld, client: Client) -> None:
    """Sold orders are refunded, also the rest of a partly refunded one; open ones are cancelled; sales stop."""
    await world.open_show()
    await sell(world, client, "a", "b", "c")
    await world.decide_refund("b", amount_minor=100)
    waiting, _ = await world.buy(client, "open", 1)
    lines = [Line(ticket_type_id="tt", quantity=1)]
    held = MakeReservation(tenant_id="default", reservation_id="re", show_id="sh", lines=lines, hold_seconds=600)
    await world.holds.reserve(held)
    await call_off(world)
    await call_off(world)
    with pytest.raises(KeyReused):
        await call_off(world, digest="other")
    with pytest.raises(NotOnSale):
        await world.request("late")
    handle = await begin(client, window=2, page_size=2, starts_max=2)
    await waiting.signal("buyer_cancelled")
    partly = await world.decide_refund("b", amount_minor=100)
    await give_back(client, partly)
    assert await ended(world, client, handle) == "finished"
    assert [await refunds_of(world, key) for key in ("a", "b", "c", "open")] == [
        ["succeeded"],
        ["succeeded"] * 2,
        ["succeeded"],
        [],
    ]
    assert (await world.order("open")).state == "cancelled"
    assert (await world.store.read(lambda uow: uow.get(Reservation, "re"))).state == "released"
    assert await FoldedShows(world.store).residue("sh") == 0
    assert await state_of(world) == "finished"
    # Of the 100 refunded before, the platform bore its own part of the fees.
    assert world.books()["venue:ve:payable", "eur"] == -302
    assert world.gateway.effects["refund_intent"] == 4
    purchase_id = purchase_id_of(DEFAULT_TENANT, "a")
    refund = (await world.store.read(lambda uow: uow.get(Refunds, purchase_id))).refunds
    found = (await client.get_workflow_handle(f"refund/{next(iter(refund))}").describe()).typed_search_attributes
    assert (found[PURCHASE_ID], found[SHOW_ID], found[VENUE_ID]) == (purchase_id, "sh", "ve")
    assert found[AMOUNT_MINOR] == 1104


async def test_a_pause_holds_and_a_resume_goes_on(world: SagaWorld, client: Client) -> None:
    """No refund begins while it is paused."""
    await world.open_show()
    await sell(world, client, "a")
    await call_off(world)
    await world.cancellations.pause("sh")
    handle = await begin(client)
    await shown(handle, "paused")
    assert (await refunds_of(world, "a"), await state_of(world)) == ([], "paused")
    await world.cancellations.resume("sh", 500)
    await handle.signal(ShowCancellationWorkflow.look_again)
    assert await ended(world, client, handle) == "finished"


async def test_a_balance_that_does_not_cover_it_pauses_it(world: SagaWorld, client: Client) -> None:
    """The first refund that the balance does not cover pauses the others; the cancellation resumes by itself."""
    await world.open_show()
    await sell(world, client, "a", "b", "c")
    world.gateway.refuse("refund_intent", "insufficient_funds")
    await call_off(world)
    handle = await begin(client, window=1, uncovered_seconds=1)
    await shown(handle, "uncovered")
    world.gateway.allow("refund_intent")
    for refund in await all_refunds(world):
        await operate_in(client.get_workflow_handle(f"refund/{refund.refund_id}"), RETRY_NOW, "uncovered")
    assert await ended(world, client, handle) == "finished"


@pytest.mark.slow
async def test_refunds_that_are_stuck_make_room_for_the_others(world: SagaWorld, client: Client) -> None:
    """A refund that fails for ever, and so sends no news, frees its place after a while; it ends when it is mended."""
    await world.open_show()
    await sell(world, client, "a", "b", "c")
    first = min(stream.partition(":")[2] for stream in world.store.streams if stream.startswith("order:"))
    broken = next(one.intent_id for one in world.gateway.intents.values() if one.purchase_id == first)
    world.gateway.broken.add(broken)
    await call_off(world)
    handle = await begin(client, window=1, stuck_seconds=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(world.gateway.refunds) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    world.gateway.broken.clear()
    await world.server.sleep(61)  # the refund is tried again after a minute
    assert await ended(world, client, handle) == "finished"


@pytest.mark.slow
async def test_one_that_waits_does_not_hold_up_the_others(world: SagaWorld, client: Client) -> None:
    """A refund that waits for the bank frees its place in the window."""
    await world.open_show()
    world.gateway.refunds_begin = "pending"
    await sell(world, client, "a", "b", "c")
    await call_off(world)
    handle = await begin(client, window=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(world.gateway.refunds) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for made in list(world.gateway.refunds.values()):
        world.gateway.finish_refund(made.refund_id)
    for refund in await all_refunds(world):
        await client.get_workflow_handle(f"refund/{refund.refund_id}").signal("look_again")
    assert await ended(world, client, handle) == "finished"


async def test_a_refund_that_was_begun_elsewhere_is_waited_for(world: SagaWorld, client: Client) -> None:
    """A refund started by another client (the relay) goes on; the show is finished once its events are recorded."""
    await world.open_show()
    await sell(world, client, "a")
    await call_off(world)
    order = CancelledOrder(purchase=await world.ref("a"), show_id="sh")
    world.gateway.refunds_begin = "pending"
    start = RefundInput(refund=None, order=order)
    name = f"refund/{await world.show_refund_id('a')}"
    other = await client.start_workflow(RefundWorkflow.run, start, id=name, task_queue=PURCHASES)
    handle = await begin(client, residue_seconds=0.2)
    await shown(other, "pending")
    await asyncio.sleep(0.8)
    for made in list(world.gateway.refunds.values()):
        world.gateway.finish_refund(made.refund_id)
    await other.signal("look_again")
    assert await ended(world, client, handle) == "finished"
    assert world.gateway.effects["refund_intent"] == 1


async def test_new_terms_are_taken_in_the_middle(world: SagaWorld, client: Client) -> None:
    """A pause while it waits for a place in the window holds the next refund until the resume."""
    await world.open_show()
    world.gateway.refunds_begin = "pending"
    await sell(world, client, "a", "b")
    gate = world.gates.close("pay_refund", "before")
    await call_off(world)
    handle = await begin(client, window=1)
    await gate.reached.wait()
    await world.cancellations.pause("sh")
    await handle.signal(ShowCancellationWorkflow.look_again)
    await shown(handle, "paused")
    world.gateway.refunds_begin = "succeeded"
    gate.open.set()
    await world.cancellations.resume("sh", None)
    await handle.signal(ShowCancellationWorkflow.look_again)
    assert await ended(world, client, handle) == "finished"


async def test_a_sold_order_that_went_back_before_needs_nothing(world: SagaWorld, client: Client) -> None:
    """Its refund is running when the show is cancelled: the order is listed, and gets no second refund."""
    await world.open_show()
    await sell(world, client, "a")
    refund = await world.decide_refund("a")
    await call_off(world)
    handle = await begin(client)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "decide_order" not in world.gates.ran:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await give_back(client, refund)
    assert await ended(world, client, handle) == "finished"
    assert world.gateway.effects["refund_intent"] == 1


@pytest.mark.slow
async def test_a_rate_and_a_run_that_is_full(world: SagaWorld, client: Client) -> None:
    """One second's worth begins at once, then it waits; a full run continues as new even while it waits."""
    await world.open_show()
    world.gateway.refunds_begin = "pending"
    await sell(world, client, "a", "b")
    terms = CancelShow(tenant_id="default", show_id="sh", body_digest="c", fees="venue", rate_per_second=1)
    await world.cancellations.cancel_show(terms)
    handle = await begin(client, starts_max=2, residue_seconds=0.2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(world.gateway.refunds) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    for made in list(world.gateway.refunds.values()):
        world.gateway.finish_refund(made.refund_id)
    for refund in await all_refunds(world):
        await client.get_workflow_handle(f"refund/{refund.refund_id}").signal("look_again")
    assert await ended(world, client, handle) == "finished"
    assert world.gateway.effects["refund_intent"] == 2


async def test_a_long_rest_goes_on_as_new(world: SagaWorld, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine suggests continue-as-new, running and waiting refunds are carried over."""
    await world.open_show()
    world.gateway.refunds_begin = "pending"
    await sell(world, client, "a")
    await call_off(world)
    suggested = [True]
    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", lambda _: bool(suggested and suggested.pop()))
    handle = await begin(client, residue_seconds=0.2)
    first = (await handle.describe()).run_id
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await client.get_workflow_handle(handle.id).describe()).run_id == first:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for made in list(world.gateway.refunds.values()):
        world.gateway.finish_refund(made.refund_id)
    for refund in await all_refunds(world):
        await client.get_workflow_handle(f"refund/{refund.refund_id}").signal("look_again")
    assert await ended(world, client, handle) == "finished"
    assert world.gateway.effects["refund_intent"] == 1


async def test_an_order_that_ended_without_a_sale_has_nothing_to_give_back(world: SagaWorld, client: Client) -> None:
    """It is cancelled unpaid, and its refund workflow finds nothing to refund."""
    await world.open_show()
    handle, _ = await world.buy(client, "open", 1)
    await call_off(world)
    order = CancelledOrder(purchase=await world.ref("open"), show_id="sh")
    start = RefundInput(refund=None, order=order, told="show-cancellation/nobody")
    name = f"refund/{await world.show_refund_id('open')}"
    refunding = await client.start_workflow(RefundWorkflow.run, start, id=name, task_queue=PURCHASES)
    await shown(refunding, "ending")
    await handle.signal("buyer_cancelled")
    with world.server.auto_time_skipping_disabled():
        await handle.result()
        assert await refunding.result() == "nothing"
