"""Disputes on fakes, followed to their end."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.core.acts import PAY_BY_HAND
from activities.core.commands import DisputeRef
from activities.core.task_queues import PURCHASES
from activities.disputes.follow import DisputeActivities
from activities.payouts.ports import VenueRef
from activities.refunds.cancel_show import CancelShow
from domain.core.errors import PaymentDisputed, RefundExceeds
from domain.core.transient import TransientError
from domain.money.books import PLATFORM_BANK
from domain.payments.dispute import DisputeStatus
from domain.payouts.payee import Payee
from domain.tickets.ticket import Ticket
from tests.fakes.evidence import external_state, findings_of, require_invariants
from tests.fakes.operator import operate_in
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import sold
from workflows.core.search_attributes import STAGE
from workflows.dispute import DisputeWorkflow
from workflows.show_cancellation import ShowCancellationInput, ShowCancellationWorkflow

PRICE_MINOR, TAKEN_MINOR = 2208, 1001


async def follow(world: SagaWorld, client: Client, dispute_id: str) -> WorkflowHandle[DisputeWorkflow, str]:
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute_id)
    return await client.start_workflow(DisputeWorkflow.run, ref, id=f"dispute/{dispute_id}", task_queue=PURCHASES)


async def blocked(world: SagaWorld) -> set[bool]:
    ids = [stream.partition(":")[2] for stream in world.store.streams if stream.startswith("ticket:")]
    return await world.store.read(lambda uow: {uow.get(Ticket, ticket_id).blocked for ticket_id in ids})


async def lose(world: SagaWorld, client: Client, intent_id: str, amount_minor: int) -> None:
    dispute = world.gateway.dispute(intent_id, amount_minor)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=False)
    assert await (await follow(world, client, dispute.dispute_id)).result() == "lost"


async def opened(world: SagaWorld) -> None:
    found = False
    while not found:
        await asyncio.sleep(0.02)
        found = any(type(event).__name__ == "DisputeOpened" for event in world.store.log)


@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_is_followed_to_its_end(world: SagaWorld, client: Client, *, won: bool) -> None:
    """Its tickets are blocked at once; after a win they are valid again, and the venue has its share."""
    intent_id = await sold(world, client)
    dispute = world.gateway.dispute(intent_id)
    handle = await follow(world, client, dispute.dispute_id)
    await opened(world)
    assert await blocked(world) == {True}
    assert world.books()["venue:ve:payable", "eur"] == 0
    await world.check_invariants()
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=won)
    await handle.signal(DisputeWorkflow.look_again)
    assert await handle.result() == ("won" if won else "lost")
    assert await blocked(world) == {not won}
    assert world.books()["venue:ve:payable", "eur"] == (2000 if won else 0)


async def test_a_dispute_whose_news_are_lost_is_looked_at(world: SagaWorld, client: Client) -> None:
    """It is polled every few hours, without a webhook."""
    intent_id = await sold(world, client)
    dispute = world.gateway.dispute(intent_id)
    handle = await follow(world, client, dispute.dispute_id)
    await opened(world)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=False)
    assert await handle.result() == "lost"


async def test_the_venue_owes_the_disputed_part_of_a_share_that_was_sent(world: SagaWorld, client: Client) -> None:
    """It is deducted from the venue's next shares, as after a refund whose transfer could not be reversed."""
    intent_id = await sold(world, client)
    settle = world.payouts
    await ActivityEnvironment().run(settle.connect_account, VenueRef(tenant_id="default", venue_id="ve"))
    await ActivityEnvironment().run(settle.transfer_share, await world.ref())
    dispute = world.gateway.dispute(intent_id)
    handle = await follow(world, client, dispute.dispute_id)
    await opened(world)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=False)
    await handle.signal(DisputeWorkflow.look_again)
    assert await handle.result() == "lost"
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor == {"eur": 2000}
    assert world.books()["venue:ve:payable", "eur"] == -2000


async def test_an_inquiry_takes_and_blocks_nothing(world: SagaWorld, client: Client) -> None:
    """An inquiry may end without a dispute."""
    await sold(world, client)
    world.gateway.disputes["du_1"] = DisputeStatus(
        dispute_id="du_1", status="closed", amount_minor=2208, currency="eur", is_withdrawn=False
    )
    assert await (await follow(world, client, "du_1")).result() == "closed"
    assert await blocked(world) == {False}


@pytest.mark.leaves_open(reason="the sale does not end")
async def test_a_dispute_before_the_sale_is_known_waits_for_it(world: SagaWorld) -> None:
    """A dispute may arrive before the capture is recorded."""
    await world.open_show()
    ref = DisputeRef(purchase=await world.request(), dispute_id="du_1")
    world.gateway.disputes["du_1"] = DisputeStatus(
        dispute_id="du_1", status="open", amount_minor=2208, currency="eur", is_withdrawn=True
    )
    steps = DisputeActivities(world.store, world.gateway)
    with pytest.raises(TransientError, match="not recorded yet"):
        await ActivityEnvironment().run(steps.look_at_dispute, ref)


async def test_a_refund_on_top_of_a_dispute_is_refused(world: SagaWorld, client: Client) -> None:
    """While the bank has the money a refund is refused; after a win it can be requested again, after a loss never."""
    intent_id = await sold(world, client)
    for number, won in enumerate((True, False)):
        dispute = world.gateway.dispute(intent_id)
        looked = world.gates.close("look_at_dispute", "after")
        handle = await follow(world, client, dispute.dispute_id)
        await looked.reached.wait()
        looked.open.set()
        with pytest.raises(PaymentDisputed):
            await world.decide_refund(number=number, amount_minor=100)
        world.gateway.end_dispute(intent_id, dispute.dispute_id, won=won)
        await handle.signal(DisputeWorkflow.look_again)
        await handle.result()
    with pytest.raises(PaymentDisputed):
        await world.decide_refund(number=3)


@pytest.mark.leaves_open(reason="refunds are requested here, and not paid")
async def test_what_the_bank_did_not_take_can_be_given_back(world: SagaWorld, client: Client) -> None:
    """After a loss of a part the rest can be refunded, and not a cent more."""
    intent_id = await sold(world, client)
    await lose(world, client, intent_id, TAKEN_MINOR)
    with pytest.raises(RefundExceeds):
        await world.decide_refund(number=1, amount_minor=PRICE_MINOR - TAKEN_MINOR + 1)
    assert (await world.decide_refund(number=2, amount_minor=100)).amount_minor == 100
    refund = await world.decide_refund(number=3)
    assert refund.amount_minor == PRICE_MINOR - TAKEN_MINOR - 100
    with pytest.raises(PaymentDisputed):
        await world.decide_refund(number=4)


async def test_a_ticket_is_blocked_until_its_last_dispute_is_won(world: SagaWorld, client: Client) -> None:
    """Two disputes of one order block and withdraw independently."""
    intent_id = await sold(world, client)
    await lose(world, client, intent_id, TAKEN_MINOR)
    dispute = world.gateway.dispute(intent_id, TAKEN_MINOR)
    look = DisputeActivities(world.store, world.gateway).look_at_dispute
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute.dispute_id)
    await look(ref)
    with pytest.raises(PaymentDisputed, match="decides"):
        await world.decide_refund(number=1, amount_minor=100)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=True)
    await look(ref)
    assert await blocked(world) == {True}


@pytest.mark.parametrize(
    ("won", "amount", "back", "by_hand"),
    [
        (True, None, PRICE_MINOR, 0),
        (False, None, 0, 0),
        (False, TAKEN_MINOR, 0, PRICE_MINOR - TAKEN_MINOR),
    ],
    ids=["won", "lost", "a part lost"],
)
async def test_a_cancelled_show_waits_for_the_bank(
    world: SagaWorld, client: Client, amount: int | None, back: int, by_hand: int, *, won: bool
) -> None:
    """A disputed order is refunded after the decision: its tickets, and the money that the bank did not take.

    Stripe refunds no charge of which a bank keeps a part: an operator pays the rest.
    """
    intent_id = await sold(world, client)
    dispute = world.gateway.dispute(intent_id, amount)
    handle = await follow(world, client, dispute.dispute_id)
    await opened(world)
    command = CancelShow(tenant_id="default", show_id="sh", body_digest="c", fees="platform", rate_per_second=1000)
    await world.cancellations.cancel_show(command)
    start = ShowCancellationInput(tenant_id="default", show_id="sh", residue_seconds=1)
    run, name = ShowCancellationWorkflow.run, "show-cancellation/sh"
    cancelling = await client.start_workflow(run, start, id=name, task_queue=PURCHASES)
    refund = client.get_workflow_handle(f"refund/{await world.show_refund_id()}")
    await stage_of(refund, "disputed")
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=won)
    await handle.signal(DisputeWorkflow.look_again)
    with world.server.auto_time_skipping_disabled():
        assert await handle.result() == ("won" if won else "lost")
        await refund.signal("look_again")
        if by_hand:
            await operate_in(refund, PAY_BY_HAND, "failed", reference="transfer 7")
        assert await refund.result() == "refunded"
        assert await cancelling.result() == "finished"
    assert (world.gateway.refunded_minor, world.books().get((PLATFORM_BANK, "eur"), 0)) == (back, by_hand)
    require_invariants(findings_of(world.store.log, external_state(world.gateway, world.chain, world.connect)))


async def stage_of(handle: WorkflowHandle[Any, Any], stage: str) -> None:
    found = None
    while found != stage:
        await asyncio.sleep(0.05)
        with suppress(RPCError):
            found = (await handle.describe()).typed_search_attributes.get(STAGE)
