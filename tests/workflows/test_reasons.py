"""Every reason for needing an operator, with every act that ends it: each pair is tried to its end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from solders.keypair import Keypair
from temporalio.client import Client, WorkflowHandle

from activities.core.acts import (
    BEAR_EXCESS,
    EXTEND_HOLD,
    FORCE_MINT,
    GIVE_UP,
    PAY_BY_HAND,
    REFUND,
    RESOLVE_CASE,
    RETRY_NOW,
    ActKind,
)
from activities.core.task_queues import PURCHASES
from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError
from domain.tickets.ticket import Ticket
from tests.fakes.operator import Handle, operate, refused, seen_by_operator
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.time_skipping import skipping_time
from tests.fakes.token_chain import CUSTODY
from tests.fakes.world import PurchaseHandle, SagaWorld
from tests.workflows.buyer import paid
from tests.workflows.failing_endpoints import an_endpoint_that_failed_for_days, an_endpoint_that_stays_off
from tests.workflows.test_payment_case import CaseHandle, begin_case, expired, stray
from tests.workflows.test_payouts import AT_ONCE, VENUE, run, sell
from tests.workflows.test_refund import begin as begin_refund
from tests.workflows.test_refund import ended as ended_refund
from tests.workflows.test_refund import pending, sold
from tests.workflows.test_refund_excess import flagged, paid_by_hand, resolved
from tests.workflows.test_slow_payments import DAYS, pass_days, slow
from workflows.core.operator_status import OperatorView
from workflows.core.reasons import ADVICE, Reason
from workflows.payouts import OnboardingInput, OnboardingWorkflow, TransfersWorkflow

pytestmark = pytest.mark.slow  # every reason with every act

Case = Callable[[SagaWorld, Client], Awaitable[None]]
WALLET = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
FAULTS: dict[Reason, Exception] = {
    Reason.OUTAGE: TransientError("no answer"),
    Reason.BUG: ZeroDivisionError("a bug of the test"),
    Reason.REFUSED: PaymentRefused("refused by the test", reason="test"),
}


class Pair(NamedTuple):
    """A reason and an act that ends it."""

    reason: Reason
    act: str


CASES: dict[Pair, Case] = {}


def tries(reason: Reason, act: ActKind[Any]) -> Callable[[Case], Case]:
    """Declare the case of a reason and an act."""

    def declare(case: Case) -> Case:
        CASES[Pair(reason, act.name)] = case
        return case

    return declare


async def needed(world: SagaWorld, handle: Handle, reason: Reason) -> OperatorView:
    """Let time pass until a workflow needs an operator; return what the operator sees."""
    async with asyncio.timeout(PATIENCE_SECONDS), skipping_time(world.server):
        while True:
            view = await seen_by_operator(handle)
            if view.needs:
                assert {need.reason for need in view.needs} == {reason}
                return view
            await asyncio.sleep(0.02)


async def unpaid_capture(world: SagaWorld, client: Client, reason: Reason) -> PurchaseHandle:
    """Buy and pay; the capture, or in an outage the step before it, fails for a reason."""
    await world.open_show()
    handle, _ = await world.buy(client)
    world.gates.fail("confirm_seats" if reason is Reason.OUTAGE else "capture_payment", FAULTS[reason])
    await paid(world, handle)
    await needed(world, handle, reason)
    return handle


async def unminted(world: SagaWorld, client: Client, reason: Reason) -> PurchaseHandle:
    """Sell two tickets whose mints fail for a reason, whatever is signed."""

    async def failing(*_: object, **__: object) -> None:
        raise FAULTS[reason]

    await world.open_show()
    handle, _ = await world.buy(client)
    setattr(world.chain, "sign", failing)  # noqa: B010 - an instance's method is replaced
    await paid(world, handle)
    await needed(world, handle, reason)
    return handle


async def buyers_wallet(_: str) -> str:
    return WALLET


def mend_chain(world: SagaWorld) -> None:
    delattr(world.chain, "sign")


async def fulfilled(world: SagaWorld, handle: PurchaseHandle) -> None:
    assert (await world.ended(handle)).outcome == "fulfilled"


def cases_of_a_mint(reason: Reason) -> None:
    """Declare what ends a mint that fails for a reason."""

    @tries(reason, RETRY_NOW)
    async def retry(world: SagaWorld, client: Client) -> None:
        handle = await unminted(world, client, reason)
        mend_chain(world)
        assert "now" in await operate(handle, RETRY_NOW)
        await fulfilled(world, handle)

    @tries(reason, REFUND)
    async def refund(world: SagaWorld, client: Client) -> None:
        handle = await unminted(world, client, reason)
        assert "the sale is made" in await refused(handle, GIVE_UP)
        assert "is decided" in await operate(handle, REFUND)
        await fulfilled(world, handle)
        for refunding in await world.start_refunds(client):
            assert await ended_refund(world, refunding) == "refunded"
        assert world.gateway.refunded_minor == 2208


@tries(Reason.REFUSED, FORCE_MINT)
async def a_wallet_that_the_chain_refuses(world: SagaWorld, client: Client) -> None:
    """Both tickets are minted into custody."""
    setattr(world.buyers, "wallet_of", buyers_wallet)  # noqa: B010 - an instance's method is replaced
    handle = await unminted(world, client, Reason.REFUSED)
    assert "no ticket that waits" in await refused(handle, FORCE_MINT, ticket_id="ti_other")
    for ticket in await tickets(world):
        await operate(handle, FORCE_MINT, ticket_id=ticket.identity)
    mend_chain(world)
    await fulfilled(world, handle)
    assert await owners(world) == {CUSTODY}


async def tickets(world: SagaWorld) -> list[Ticket]:
    names = [stream.partition(":")[2] for stream in world.store.streams if stream.startswith("ticket:")]
    return await world.store.read(lambda uow: [uow.get(Ticket, name) for name in names])


async def owners(world: SagaWorld) -> set[str]:
    """Return the wallets that the tickets' tokens were minted to."""
    signed = [ticket.signed for ticket in await tickets(world)]
    return {str(world.chain.signed_spec(one).owner_address) for one in signed if one is not None}


def cases_of_a_capture(reason: Reason) -> None:
    """Declare what ends a purchase whose capture fails for a reason."""

    @tries(reason, GIVE_UP)
    async def give_up(world: SagaWorld, client: Client) -> None:
        handle = await unpaid_capture(world, client, reason)
        assert "without a sale" in await operate(handle, GIVE_UP)
        result = await world.ended(handle)
        assert (result.outcome, result.reason) == ("cancelled", "operator-cancelled")
        assert (await world.stock(), world.gateway.captured_minor) == ((10, 0, 0), 0)


for one in (Reason.OUTAGE, Reason.BUG, Reason.REFUSED):
    cases_of_a_mint(one)
for one in (Reason.OUTAGE, Reason.BUG):
    cases_of_a_capture(one)


@tries(Reason.REFUSED, GIVE_UP)
async def an_account_that_stripe_refuses(world: SagaWorld, client: Client) -> None:
    """Nobody waits for it any more; the venue's next request begins it again."""
    await world.open_show()
    world.connect.refuse("create_account", "country_unsupported")
    start = OnboardingInput(venue=VENUE, poll_seconds=3600)
    handle = await client.start_workflow(OnboardingWorkflow.run, start, id="onboarding/ve", task_queue=PURCHASES)
    view = await needed(world, handle, Reason.REFUSED)
    assert view.needs[0].step == "connect_account"
    look = asyncio.ensure_future(handle.execute_update("look"))
    assert "Nobody follows it" in await operate(handle, GIVE_UP)
    with pytest.raises(Exception, match="Workflow update failed"):
        await look
    assert (await handle.result()).account_id == ""
    world.connect.allow("create_account")
    again = await client.start_workflow(OnboardingWorkflow.run, start, id="onboarding/ve", task_queue=PURCHASES)
    assert (await again.result()).is_ready


@tries(Reason.REFUSED, RESOLVE_CASE)
async def a_payment_that_stripe_refuses_to_tell(world: SagaWorld, client: Client) -> None:
    """The case ends by an operator's word, and the payment counts as cancelled."""
    await expired(world, client)
    money = await stray(world)
    world.gateway.cancel_in_dashboard(money.intent_id)
    world.gateway.refuse("retrieve_intent")
    handle = await begin_case(world, client, money.intent_id)
    await needed(world, handle, Reason.REFUSED)
    assert "No money comes" in await operate(handle, RESOLVE_CASE, evidence="Stripe's support, case 7")
    assert await handle.result() == "resolved-by-operator"


@tries(Reason.SLOW_BANK, RETRY_NOW)
async def a_look_at_a_slow_bank(world: SagaWorld, client: Client) -> None:
    handle = await of_a_slow_bank(world, client)
    looks = world.gateway.calls["retrieve_intent"]
    await operate(handle, RETRY_NOW)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while world.gateway.calls["retrieve_intent"] == looks:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.02)
    world.gateway.finish_processing(await world.intent_id())
    await fulfilled(world, handle)


@tries(Reason.SLOW_BANK, EXTEND_HOLD)
async def more_time_for_a_slow_bank(world: SagaWorld, client: Client) -> None:
    handle = await of_a_slow_bank(world, client)
    assert "held until" in await operate(handle, EXTEND_HOLD, minutes=2 * 24 * 60)
    assert (await seen_by_operator(handle)).needs == ()
    world.gateway.finish_processing(await world.intent_id())
    await fulfilled(world, handle)


@tries(Reason.SLOW_BANK, GIVE_UP)
async def no_more_time_for_a_slow_bank(world: SagaWorld, client: Client) -> None:
    """Nobody can cancel the payment: the seats are free once the bank has refused it."""
    handle = await of_a_slow_bank(world, client)
    giving_up = asyncio.ensure_future(operate(handle, GIVE_UP))
    await asyncio.sleep(0.5)
    world.gateway.finish_processing(await world.intent_id(), succeed=False)
    assert (await world.ended(handle)).reason == "operator-cancelled"
    assert "without a sale" in await giving_up
    assert await world.stock() == (10, 0, 0)


async def of_a_slow_bank(world: SagaWorld, client: Client) -> PurchaseHandle:
    handle = await slow(world, client)
    await pass_days(world, DAYS + 1)
    await needed(world, handle, Reason.SLOW_BANK)
    return handle


@tries(Reason.REFUND_PENDING, RETRY_NOW)
async def a_look_at_a_pending_refund(world: SagaWorld, client: Client) -> None:
    refund, handle = await pending(world, client, patience_seconds=0)
    await needed(world, handle, Reason.REFUND_PENDING)
    assert "Stripe may still pay" in await refused(handle, PAY_BY_HAND, reference="7")
    (made,) = world.gateway.refunds.values()
    world.gateway.finish_refund(made.refund_id)
    await operate(handle, RETRY_NOW)
    assert await ended_refund(world, handle) == "refunded"
    assert refund.amount_minor == world.gateway.refunded_minor


def cases_of_a_refund(reason: Reason, failure: str) -> None:
    """Declare what ends a refund that failed for a reason."""

    async def failed(world: SagaWorld, client: Client) -> WorkflowHandle[Any, str]:
        await sold(world, client)
        world.gateway.refuse("refund_intent", failure)
        handle = await begin_refund(client, await world.decide_refund())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (view := await seen_by_operator(handle)).needs:  # noqa: ASYNC110 - a query
                await asyncio.sleep(0.02)
        assert [need.reason for need in view.needs] == [reason]
        return handle

    @tries(reason, RETRY_NOW)
    async def retry(world: SagaWorld, client: Client) -> None:
        handle = await failed(world, client)
        world.gateway.allow("refund_intent")
        await operate(handle, RETRY_NOW)
        assert await ended_refund(world, handle) == "refunded"

    @tries(reason, PAY_BY_HAND)
    async def by_hand(world: SagaWorld, client: Client) -> None:
        handle = await failed(world, client)
        assert "nothing more" in await operate(handle, PAY_BY_HAND, reference="transfer 7")
        assert await ended_refund(world, handle) == "refunded"
        assert world.gateway.refunded_minor == 0


cases_of_a_refund(Reason.REFUND_UNCOVERED, "insufficient_funds")
cases_of_a_refund(Reason.REFUND_FAILED, "expired_or_canceled_card")


async def refunded_too_much(world: SagaWorld, client: Client) -> CaseHandle:
    """Pay a refund by hand, and refund the whole sale in the dashboard: the case needs an operator."""
    await sold(world, client)
    await world.decide_refund(amount_minor=600)
    await paid_by_hand(world, client)
    world.gateway.refunds_begin = "pending"
    world.gateway.refund_in_dashboard(await world.intent_id(), 2208)
    handle = await begin_case(world, client, await world.intent_id())
    await flagged(handle)
    return handle


@tries(Reason.REFUND_EXCESS, BEAR_EXCESS)
async def a_refund_of_too_much(world: SagaWorld, client: Client) -> None:
    handle = await refunded_too_much(world, client)
    assert "platform's loss" in await operate(handle, BEAR_EXCESS)
    assert await resolved(world, handle) == "sold"
    *_, made = world.gateway.refunds.values()
    world.gateway.finish_refund(made.refund_id)
    assert await world.give_back(client) == ["refunded"]


@tries(Reason.REFUND_EXCESS, RETRY_NOW)
async def a_refund_of_too_much_that_fails(world: SagaWorld, client: Client) -> None:
    handle = await refunded_too_much(world, client)
    *_, made = world.gateway.refunds.values()
    world.gateway.finish_refund(made.refund_id, succeed=False)
    await operate(handle, RETRY_NOW)
    assert await resolved(world, handle) == "sold"


tries(Reason.ENDPOINT_FAILING, RETRY_NOW)(an_endpoint_that_failed_for_days)
tries(Reason.ENDPOINT_FAILING, GIVE_UP)(an_endpoint_that_stays_off)


@tries(Reason.SET_ASIDE, RETRY_NOW)
async def a_share_that_was_set_aside(world: SagaWorld, client: Client) -> None:
    """The round goes over all orders again."""
    await world.open_show()
    await sell(world, client, "a", "b")
    await run(world, "connect_account", VENUE)
    world.gates.fail("transfer_share", FAULTS[Reason.BUG])
    first = world.gates.close("list_due_transfers", "before")
    start = AT_ONCE.model_copy(update={"page": 1})
    handle = await client.start_workflow(TransfersWorkflow.run, start, id="transfers", task_queue=PURCHASES)
    await first.reached.wait()
    second = world.gates.close("list_due_transfers", "before")
    first.open.set()
    await second.reached.wait()
    await needed(world, handle, Reason.SET_ASIDE)
    world.gates.mend("transfer_share")
    await operate(handle, RETRY_NOW)
    second.open.set()
    result = await handle.result()
    assert (result.sent, result.set_aside) == ({"eur": 4000}, {})


def test_every_reason_and_act_is_tried() -> None:
    """A new reason, or an act of one, needs its case; only an end that is already there has no act."""
    pairs = {Pair(reason, act.name) for reason in Reason for act in ADVICE[reason].acts}
    assert pairs == CASES.keys()
    assert {reason for reason in Reason if not ADVICE[reason].acts} == {Reason.ACCOUNT_GONE}
    assert all(advice.meaning and advice.by_itself for advice in ADVICE.values())


def listed(pair: Pair) -> Any:
    """Return the pair as a parameter; the fast tier tries one act of each reason."""
    if pair == (Reason.OUTAGE, GIVE_UP.name):
        marks = [pytest.mark.nightly]  # a round of a store's step takes long
    elif pair.act != max(one.act for one in CASES if one.reason == pair.reason):
        marks = [pytest.mark.slow]
    else:
        marks = []
    return pytest.param(pair, marks=marks, id="-".join(pair))


@pytest.mark.parametrize("pair", [listed(pair) for pair in sorted(CASES)])
async def test_a_reason_has_its_end(pair: Pair, world: SagaWorld, client: Client) -> None:
    """The act ends the wait; money, seats and tokens are as they must be."""
    await CASES[pair](world, client)
