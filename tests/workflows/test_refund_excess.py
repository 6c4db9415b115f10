"""A person gives back more at Stripe than the buyer was owed: an operator books the rest as the platform's loss."""

import asyncio

import pytest
from temporalio.client import Client

from activities.core.acts import BEAR_EXCESS, PAY_BY_HAND, RESOLVE_CASE
from activities.core.commands import DisputeRef, PayRefund, RefundRef
from activities.disputes.follow import DisputeActivities
from activities.refunds.pay_refund import RefundActivities
from domain.core.evidence import EvidenceMissing
from domain.core.transient import TransientError
from domain.money.books import PLATFORM_BANK, REFUND_LOSSES, STRIPE_CLEARING, buyer_refundable
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds
from tests.fakes.operator import operate, operate_in, refused, seen_by_operator
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import sold
from tests.workflows.test_payment_case import CaseHandle, begin_case, stray
from tests.workflows.test_refund import Handle, begin, shown
from workflows.core.reasons import Reason

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md

PRICE, FEE, BY_HAND = 2208, 94, 600
PATIENCE_SECONDS = 20


async def paid_by_hand(world: SagaWorld, client: Client) -> None:
    """Let Stripe refuse the refunds that are decided, and an operator pay them another way."""
    world.gateway.refuse("refund_intent", "charge_disputed")
    for handle in await world.start_refunds(client):
        await operate_in(handle, PAY_BY_HAND, "failed", reference="transfer 7")
        with world.server.auto_time_skipping_disabled():
            await handle.result()
    world.gateway.allow("refund_intent")


async def flagged(handle: CaseHandle) -> str:
    """Wait until the case needs an operator because of the excess; return the reason in words."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (view := await seen_by_operator(handle)).needs:  # noqa: ASYNC110 - a query
            await asyncio.sleep(0.02)
    assert [need.reason for need in view.needs] == [Reason.REFUND_EXCESS]
    assert [act.name for act in view.acts] == ["retry_now", "bear_excess"]
    return view.needs[0].cause


async def resolved(world: SagaWorld, handle: CaseHandle | Handle) -> str:
    """Await the end in real time: without a timer a skipping server jumps to the end of its calendar."""
    with world.server.auto_time_skipping_disabled():
        return await handle.result()


async def borne(world: SagaWorld, client: Client, intent_id: str, end: str) -> str:
    """Let an operator bear the excess of a case; return the reason that was shown."""
    handle = await begin_case(world, client, intent_id)
    cause = await flagged(handle)
    assert "Stripe tells" in await refused(handle, RESOLVE_CASE, evidence="none")
    assert "platform's loss" in await operate(handle, BEAR_EXCESS)
    assert await resolved(world, handle) == end
    return cause


async def book_of(world: SagaWorld) -> list[Refund]:
    purchase_id = (await world.order()).identity
    return await world.store.read(lambda uow: list(uow.get(Refunds, purchase_id).refunds.values()))


@pytest.mark.parametrize("by_hand", [BY_HAND, PRICE])
async def test_a_sale_that_was_paid_back_by_hand_before(world: SagaWorld, client: Client, by_hand: int) -> None:
    """What is left is a refund of the sale; the rest is a loss, and no party gives it a second time."""
    own = await sold(world, client)
    await world.decide_refund(amount_minor=by_hand)
    await paid_by_hand(world, client)
    world.gateway.refund_in_dashboard(own, PRICE)
    cause = await borne(world, client, own, "sold")
    assert f"{PRICE / 100:.2f}" in cause
    assert await resolved(world, await begin_case(world, client, own)) == "sold"
    await world.give_back(client)
    _, excess = await book_of(world)
    assert (excess.state, excess.given.total_minor, excess.excess_minor) == ("succeeded", PRICE - by_hand, by_hand)
    books = world.books()
    assert (books[REFUND_LOSSES, "eur"], books[PLATFORM_BANK, "eur"]) == (-by_hand, by_hand)
    assert (books[STRIPE_CLEARING, "eur"], books[buyer_refundable((await world.order()).identity), "eur"]) == (FEE, 0)


async def failing(world: SagaWorld, client: Client, amount_minor: int) -> tuple[RefundRef, Handle]:
    """Let a refund fail at Stripe, and need an operator."""
    world.gateway.refuse("refund_intent", "expired_or_canceled_card")
    refund = await world.decide_refund(number=2, amount_minor=amount_minor)
    handle = await begin(client, refund, poll_seconds=1)
    await shown(handle, "failed", needs_operator=True)
    world.gateway.allow("refund_intent")
    return refund, handle


async def test_more_than_a_failed_refund_is_owed_is_no_excess(world: SagaWorld, client: Client) -> None:
    """The failed one is paid first, and the rest is a refund of what is left: nobody is needed."""
    own = await sold(world, client)
    _, handle = await failing(world, client, BY_HAND)
    world.gateway.refund_in_dashboard(own, BY_HAND + 400)
    assert await resolved(world, await begin_case(world, client, own)) == "sold"
    assert await resolved(world, handle) == "refunded"
    await world.give_back(client)
    ours, more = await book_of(world)
    assert (ours.state, ours.amount_minor, more.amount_minor) == ("succeeded", 0, BY_HAND + 400)
    assert (more.given.total_minor, more.excess_minor) == (400, 0)
    assert world.gateway.refunded_minor == BY_HAND + 400
    books = world.books()
    assert (REFUND_LOSSES, "eur") not in books
    assert books[buyer_refundable((await world.order()).identity), "eur"] == 0


async def test_what_is_owed_comes_before_the_excess(world: SagaWorld, client: Client) -> None:
    """One refund was paid by hand, another failed, and a person gives all back: only what was paid twice is a loss."""
    own = await sold(world, client)
    await world.decide_refund(amount_minor=BY_HAND)
    await paid_by_hand(world, client)
    refund, handle = await failing(world, client, 500)
    world.gateway.refund_in_dashboard(own, PRICE)
    with pytest.raises(TransientError, match="not recorded"):  # it is not paid a second time meanwhile
        await RefundActivities(world.store, world.gateway).pay_refund(PayRefund(refund=refund, turn=2))
    cause = await borne(world, client, own, "sold")
    assert f"{(PRICE - BY_HAND) / 100:.2f}" in cause
    assert await resolved(world, handle) == "refunded"
    await world.give_back(client)
    _, ours, more = await book_of(world)
    assert (ours.state, ours.amount_minor) == ("succeeded", 0)
    assert (more.given.total_minor, more.unsold_minor, more.excess_minor) == (PRICE - BY_HAND - 500, 500, BY_HAND)
    books = world.books()
    assert (books[REFUND_LOSSES, "eur"], books[PLATFORM_BANK, "eur"]) == (-BY_HAND, BY_HAND)
    assert (books[STRIPE_CLEARING, "eur"], books[buyer_refundable((await world.order()).identity), "eur"]) == (FEE, 0)


async def test_a_second_payment_that_was_paid_back_by_hand_before(world: SagaWorld, client: Client) -> None:
    """It bought nothing: all that the person gave back is a loss."""
    await sold(world, client)
    second = (await stray(world, PRICE, capture_method="automatic")).intent_id
    assert await resolved(world, await begin_case(world, client, second)) == "owed"
    await paid_by_hand(world, client)
    world.gateway.refund_in_dashboard(second, PRICE)
    await borne(world, client, second, "owed")
    await world.give_back(client)
    assert await resolved(world, await begin_case(world, client, second)) == "owed"
    assert world.books()[REFUND_LOSSES, "eur"] == -PRICE


async def test_a_sale_whose_money_a_bank_took_before(world: SagaWorld, client: Client) -> None:
    """The bank pays a buyer whom a person had paid, and we hear of the person's refund after that."""
    own = await sold(world, client)
    world.gateway.refund_in_dashboard(own, PRICE)
    dispute_id = world.gateway.dispute(own).dispute_id
    steps, ref = (
        DisputeActivities(world.store, world.gateway),
        DisputeRef(purchase=await world.ref(), dispute_id=dispute_id),
    )
    await steps.look_at_dispute(ref)
    world.gateway.end_dispute(own, dispute_id, won=False)
    await steps.look_at_dispute(ref)
    await borne(world, client, own, "sold")
    await world.give_back(client)
    assert world.books()[REFUND_LOSSES, "eur"] == -PRICE


@pytest.mark.parametrize("first", ["pending", "succeeded"])
async def test_an_excess_that_fails_at_the_bank_is_no_loss(world: SagaWorld, client: Client, first: str) -> None:
    """The money is with us again: nobody is owed it, and the refund is over without an operator."""
    own = await sold(world, client)
    await world.decide_refund()
    await paid_by_hand(world, client)
    world.gateway.refunds_begin = "pending"
    made = world.gateway.refund_in_dashboard(own, PRICE)
    await borne(world, client, own, "sold")
    *_, excess = await book_of(world)
    ref = RefundRef(purchase=await world.ref(), refund_id=excess.refund_id, ticket_ids=(), amount_minor=PRICE)
    back = RefundActivities(world.store, world.gateway)
    with pytest.raises(EvidenceMissing):  # the loss is the one posting of a refund that nobody was owed
        await back.pay_refund(PayRefund(refund=ref, turn=1))
    await back.post_refund(ref)
    if first == "succeeded":
        world.gateway.finish_refund(made.refund_id)
        await back.pay_refund(PayRefund(refund=ref, turn=1))
    world.gateway.finish_refund(made.refund_id, succeed=False)
    assert (await back.pay_refund(PayRefund(refund=ref, turn=1))).status == "succeeded"
    *_, excess = await book_of(world)
    assert (excess.state, excess.due_minor, excess.excess_minor) == ("succeeded", 0, 0)
    assert world.books()[REFUND_LOSSES, "eur"] == 0
    assert await resolved(world, await begin_case(world, client, own)) == "sold"
