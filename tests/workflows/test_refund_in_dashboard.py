"""Refunds that failed and that a person makes in Stripe's dashboard: they take the place of ours."""

import pytest
from temporalio.client import Client

from activities.core.acts import PAY_BY_HAND, RETRY_NOW
from domain.money.books import buyer_refundable
from tests.fakes.operator import operate, refused
from tests.fakes.world import SagaWorld
from tests.workflows.test_refund import PURCHASE, begin, ended, look, shown, sold
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.refund import RefundWorkflow

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md


@pytest.mark.parametrize("looks", ["at an event", "from time to time"])
async def test_a_failed_refund_that_was_made_in_the_dashboard(world: SagaWorld, client: Client, looks: str) -> None:
    """It takes the place of ours: the same tickets, no flag, and no second refund when an operator tries again."""
    ids = await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund(ticket_ids=ids[:1])
    handle = await begin(client, refund, poll_seconds=1)
    await shown(handle, "failed", needs_operator=True)
    world.gateway.allow("refund_intent")
    made = world.gateway.refund_in_dashboard(await world.intent_id(), refund.amount_minor)
    if looks == "at an event":
        await handle.signal(RefundWorkflow.look_again)
    assert await ended(world, handle) == "refunded"
    found = await look(world, refund)
    assert (found.state, found.stripe_refund_id, found.ticket_ids) == ("succeeded", made.refund_id, ids[:1])
    assert world.gateway.refunded_minor == refund.amount_minor
    assert (await handle.describe()).typed_search_attributes[NEEDS_OPERATOR] is False


async def test_a_refund_that_the_bank_has_from_the_dashboard_is_not_paid_by_hand(
    world: SagaWorld, client: Client
) -> None:
    """A payment by hand is refused, since the money is under way; the workflow waits for the bank."""
    ids = await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund(ticket_ids=ids[:1])
    handle = await begin(client, refund)
    await shown(handle, "failed", needs_operator=True)
    world.gateway.allow("refund_intent")
    world.gateway.refunds_begin = "pending"
    made = world.gateway.refund_in_dashboard(await world.intent_id(), refund.amount_minor)
    assert "is not recorded" in await refused(handle, PAY_BY_HAND, stage="failed", reference="bank transfer 9")
    await shown(handle, "pending")
    world.gateway.finish_refund(made.refund_id)
    await handle.signal(RefundWorkflow.look_again)
    assert await ended(world, handle) == "refunded"
    assert world.gateway.refunded_minor == refund.amount_minor


async def test_a_look_finds_a_refund_from_the_dashboard_that_is_pending(world: SagaWorld, client: Client) -> None:
    """Nobody is needed any more: the bank has the money."""
    ids = await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund(ticket_ids=ids[:1])
    handle = await begin(client, refund)
    await shown(handle, "failed", needs_operator=True)
    world.gateway.allow("refund_intent")
    world.gateway.refunds_begin = "pending"
    made = world.gateway.refund_in_dashboard(await world.intent_id(), refund.amount_minor)
    await handle.signal(RefundWorkflow.look_again)
    await shown(handle, "pending")
    world.gateway.finish_refund(made.refund_id)
    await handle.signal(RefundWorkflow.look_again)
    assert await ended(world, handle) == "refunded"
    assert (await handle.describe()).typed_search_attributes[NEEDS_OPERATOR] is False


async def test_trying_again_does_not_repeat_what_was_made_in_the_dashboard(world: SagaWorld, client: Client) -> None:
    """The operator refunds one of two tickets in the dashboard and then tries again: it is refunded once."""
    ids = await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund(ticket_ids=ids[:1])
    handle = await begin(client, refund)
    await shown(handle, "failed")
    world.gateway.allow("refund_intent")
    world.gateway.refund_in_dashboard(await world.intent_id(), refund.amount_minor)
    await operate(handle, RETRY_NOW)
    assert await ended(world, handle) == "refunded"
    assert world.gateway.refunded_minor == refund.amount_minor


async def test_a_part_that_was_made_in_the_dashboard_is_no_longer_owed(world: SagaWorld, client: Client) -> None:
    """A smaller refund in the dashboard pays a part of a failed one, which then owes the rest."""
    await sold(world, client)
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund()
    handle = await begin(client, refund)
    await shown(handle, "failed")
    world.gateway.allow("refund_intent")
    world.gateway.refund_in_dashboard(await world.intent_id(), 300)
    await operate(handle, RETRY_NOW)
    assert await ended(world, handle) == "refunded"
    await world.give_back(client)
    assert world.gateway.refunded_minor == 2208
    assert world.books()[buyer_refundable(PURCHASE), "eur"] == 0
