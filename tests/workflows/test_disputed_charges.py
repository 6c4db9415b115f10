"""A bank's event belongs to a charge: what it takes is what the holders of that charge's money still hold."""

from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.core.commands import DisputeRef, LatePayment, MintTicket, PayRefund, RefundRef
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.ports import VenueRef
from activities.refunds.pay_refund import RefundActivities
from activities.tokens.burn import BurnActivities
from adapters.read_models.documents import PURCHASES
from domain.core.transient import TransientError
from domain.money.books import TransactionPosted
from domain.payments.dispute import DisputeStatus
from domain.payments.payment import Payment
from domain.payments.payment_intent import IntentRequest
from domain.payments.refunds import Refunds
from domain.payouts.payee import Payee
from domain.tickets.ticket import Ticket
from domain.views.purchase import PurchaseDocument
from tests.fakes.recomputed import folded
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import sold

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md

PRICE, SHARE, PLATFORM, PROCESSING = 2208, 2000, 150, 58
FEE, DISPUTE_FEE = 94, 2000
CLEARING, LOSSES, RESERVE = "stripe:clearing", "dispute:losses", "dispute:reserve"


async def look(world: SagaWorld, dispute_id: str) -> str:
    """Look at a dispute, twice: the second look changes nothing."""
    steps = DisputeActivities(world.store, world.gateway)
    ref = DisputeRef(purchase=await world.ref(), dispute_id=dispute_id)
    status = await steps.look_at_dispute(ref)
    before = len(world.store.log)
    assert await steps.look_at_dispute(ref) == status
    assert len(world.store.log) == before
    return status


async def lost(world: SagaWorld, intent_id: str, amount_minor: int | None = None) -> str:
    """Let the bank take an amount, and decide for the buyer."""
    dispute_id = world.gateway.dispute(intent_id, amount_minor).dispute_id
    await lost_at(world, intent_id, dispute_id)
    return dispute_id


async def lost_at(world: SagaWorld, intent_id: str, dispute_id: str) -> None:
    await look(world, dispute_id)
    world.gateway.end_dispute(intent_id, dispute_id, won=False)
    assert await look(world, dispute_id) == "lost"


async def second_payment(world: SagaWorld) -> str:
    """Pay a sold order a second time, unknown to us."""
    order = await world.order()
    request = IntentRequest(
        tenant_id="default", purchase_id=order.identity, amount_minor=PRICE, currency="eur", capture_method="automatic"
    )
    intent_id = (await world.gateway.create_intent(request, "elsewhere")).intent_id
    world.gateway.pay(intent_id)
    return intent_id


async def given_back(world: SagaWorld, intent_id: str, begins: Any = "succeeded") -> PayRefund:
    """Owe a second payment to its buyer, ask Stripe for the refund, and return that try."""
    payments = PaymentActivities(world.store, world.gateway, world.checkouts)
    late = LatePayment(**(await world.ref()).model_dump(), intent_id=intent_id)
    steps = LatePaymentActivities(world.store, world.gateway, payments)
    await ActivityEnvironment().run(steps.resolve_late_payment, late)
    book = await world.store.read(lambda uow: uow.get(Refunds, late.purchase_id))
    (decided,) = book.of_payment(intent_id)
    purchase, amount = await world.ref(), decided.amount_minor
    refund = RefundRef(purchase=purchase, refund_id=decided.refund_id, ticket_ids=(), amount_minor=amount)
    world.gateway.refunds_begin = begins
    back = RefundActivities(world.store, world.gateway)
    tried = PayRefund(refund=refund, turn=await back.post_refund(refund))
    await back.pay_refund(tried)
    return tried


async def refunded(world: SagaWorld, *, begins: Any = "succeeded", **wanted: Any) -> RefundRef:
    """Decide a refund, post it and ask Stripe for it."""
    refund = await world.decide_refund(**wanted)
    world.gateway.refunds_begin = begins
    steps = RefundActivities(world.store, world.gateway)
    turn = await steps.post_refund(refund)
    await steps.pay_refund(PayRefund(refund=refund, turn=turn))
    for ticket_id in refund.ticket_ids:
        burn = BurnActivities(world.store, world.chain).burn_ticket
        await ActivityEnvironment().run(burn, MintTicket(purchase=refund.purchase, ticket_id=ticket_id))
    return refund


async def paid_by_hand(world: SagaWorld, refund: RefundRef) -> None:
    """Pay by hand what Stripe refuses to refund, since a bank has taken the charge."""
    steps = RefundActivities(world.store, world.gateway)
    refused = await steps.pay_refund(PayRefund(refund=refund, turn=1))
    assert (refused.status, refused.failure) == ("failed", "charge_disputed")
    by_hand = PayRefund(refund=refund, turn=2, by_hand="a bank transfer")
    assert (await steps.pay_refund(by_hand)).status == "succeeded"


def books(world: SagaWorld) -> dict[str, int]:
    return {account: amount for (account, unit), amount in world.books().items() if unit == "eur" and amount}


async def document(world: SagaWorld) -> PurchaseDocument:
    """Fold the purchase's document."""
    found = folded(enumerate(world.store.log, start=1)).find(PURCHASES, (await world.order()).identity)
    assert found is not None
    return found


async def payment_state(world: SagaWorld, intent_id: str) -> str:
    """Return the state of a second payment."""
    identity = f"{(await world.order()).identity}:{intent_id}"
    return await world.store.read(lambda uow: uow.get(Payment, identity).state)


async def blocked(world: SagaWorld) -> set[bool]:
    ids = [stream.partition(":")[2] for stream in world.store.streams if stream.startswith("ticket:")]
    return await world.store.read(lambda uow: {uow.get(Ticket, ticket_id).blocked for ticket_id in ids})


async def test_a_dispute_of_a_second_payment_leaves_the_sale_alone(world: SagaWorld, client: Client) -> None:
    """No ticket is blocked, no venue debited: the buyer had that money back, so that the loss is the platform's."""
    await sold(world, client)
    second = await second_payment(world)
    await given_back(world, second)
    before = books(world)
    await lost(world, second)
    assert await blocked(world) == {False}
    after = books(world)
    assert after["venue:ve:payable"] == before["venue:ve:payable"] == SHARE
    assert after[LOSSES] == -PRICE
    assert after[CLEARING] == before[CLEARING] + PRICE + DISPUTE_FEE
    posted = [event for event in world.store.log if isinstance(event, TransactionPosted)][-2:]
    assert {event.intent_id for event in posted} == {second}
    purchase = await document(world)
    assert [(line["of_sale"], line["state"]) for line in purchase["disputes"]] == [(False, "lost")]
    assert purchase["lost_to_disputes_minor"] == 0


async def test_a_dispute_of_money_that_is_not_owed_yet_waits(world: SagaWorld, client: Client) -> None:
    """Before a second payment is known to be its buyer's, nobody can say what its dispute takes; then the bank pays."""
    await sold(world, client)
    second = await second_payment(world)
    world.gateway.fail_before("refunds_of")
    with pytest.raises(TransientError):
        await given_back(world, second)
    dispute_id = world.gateway.dispute(second).dispute_id
    steps, purchase = DisputeActivities(world.store, world.gateway), await world.ref()
    with pytest.raises(TransientError, match="not owed to its buyer yet"):
        await steps.look_at_dispute(DisputeRef(purchase=purchase, dispute_id=dispute_id))
    await given_back(world, second)
    await lost_at(world, second, dispute_id)
    assert await blocked(world) == {False}


async def test_a_dispute_of_money_that_is_being_given_back_pays_it(world: SagaWorld, client: Client) -> None:
    """The refund fails at Stripe; a loss has paid the buyer, so that nobody bears it and a retry pays nothing."""
    await sold(world, client)
    second = await second_payment(world)
    tried = await given_back(world, second, begins="pending")
    dispute_id = world.gateway.dispute(second).dispute_id
    steps, owed = RefundActivities(world.store, world.gateway), f"buyer:{tried.refund.purchase.purchase_id}:refundable"
    assert (await steps.pay_refund(tried)).status == "failed"
    await look(world, dispute_id)
    assert books(world)[owed] == PRICE
    world.gateway.end_dispute(second, dispute_id, won=False)
    assert await look(world, dispute_id) == "lost"
    assert not {owed, LOSSES} & books(world).keys()
    assert await payment_state(world, second) == "refunded"
    assert (await steps.pay_refund(tried.model_copy(update={"turn": 2}))).status == "succeeded"
    assert await blocked(world) == {False}
    world.gateway.return_of_dispute(dispute_id, PRICE)
    await look(world, dispute_id)
    assert await payment_state(world, second) == "owed"
    book = await world.store.read(lambda uow: uow.get(Refunds, tried.refund.purchase.purchase_id))
    again = tried.refund.model_copy(update={"refund_id": list(book.refunds)[-1]})
    await paid_by_hand(world, again)
    assert await payment_state(world, second) == "refunded"


@pytest.mark.parametrize(
    ("fees", "kept"), [("buyer", {}), ("venue", {"platform:fees": PLATFORM, "venue:ve:payable": SHARE - PRICE})]
)
async def test_a_dispute_after_a_refund_takes_what_is_left(
    world: SagaWorld, client: Client, fees: str, kept: dict[str, int]
) -> None:
    """Nobody is debited a second time for what he gave back; the excess is the platform's loss."""
    intent_id = await sold(world, client)
    await refunded(world, fees=fees, amount_minor=SHARE if fees == "buyer" else PRICE)
    dispute_id = await lost(world, intent_id, PRICE)
    after = books(world)
    left = PLATFORM + PROCESSING if fees == "buyer" else 0
    assert after[LOSSES] == left - PRICE
    assert {name: after[name] for name in ("platform:fees", "venue:ve:payable") if name in after} == kept
    world.gateway.return_of_dispute(dispute_id, PRICE - left)
    await look(world, dispute_id)
    assert books(world).get(LOSSES, 0) == 0


async def test_a_part_of_a_lost_dispute_comes_back(world: SagaWorld, client: Client) -> None:
    """Stripe's balance transactions say how much; those who had lost it have it again, the venue through its debt."""
    intent_id = await sold(world, client)
    await ActivityEnvironment().run(world.payouts.connect_account, VenueRef(tenant_id="default", venue_id="ve"))
    await ActivityEnvironment().run(world.payouts.transfer_share, await world.ref())
    dispute_id = await lost(world, intent_id)
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor == {"eur": SHARE}
    for returned in (PRICE // 2, PRICE // 2):
        world.gateway.return_of_dispute(dispute_id, returned)
        await look(world, dispute_id)
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor == {"eur": 0}
    after = books(world)
    assert (after.get("venue:ve:payable", 0), after["platform:fees"], after.get(RESERVE, 0)) == (0, PLATFORM, 0)
    assert after[CLEARING] == FEE + DISPUTE_FEE - PRICE + SHARE


async def test_what_comes_back_before_the_transfer_is_sent_with_it(world: SagaWorld, client: Client) -> None:
    """A share that is still with us is sent less the loss, and more again by what came back; never twice."""
    intent_id = await sold(world, client)
    await ActivityEnvironment().run(world.payouts.connect_account, VenueRef(tenant_id="default", venue_id="ve"))
    dispute_id = await lost(world, intent_id)
    world.gateway.return_of_dispute(dispute_id, PRICE // 2)
    await look(world, dispute_id)
    await ActivityEnvironment().run(world.payouts.transfer_share, await world.ref())
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert sum(order.amount_minor for order in world.connect.transfers.values()) == SHARE // 2
    assert payee.owed_minor.get("eur", 0) == 0
    world.gateway.return_of_dispute(dispute_id, PRICE // 2)
    await look(world, dispute_id)
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor["eur"] == -SHARE // 2 == -books(world)["venue:ve:payable"]


async def test_a_pending_refund_that_is_disputed_is_paid_by_the_bank(world: SagaWorld, client: Client) -> None:
    """It fails at Stripe; a loss has paid the buyer, so that nothing is owed and a retry pays nothing."""
    intent_id = await sold(world, client)
    refund = await refunded(world, begins="pending", amount_minor=PRICE)
    steps = RefundActivities(world.store, world.gateway)
    dispute_id = world.gateway.dispute(intent_id).dispute_id
    assert (await steps.pay_refund(PayRefund(refund=refund, turn=1))).status == "failed"
    await look(world, dispute_id)
    assert books(world)[f"buyer:{refund.purchase.purchase_id}:refundable"] == PRICE
    world.gateway.end_dispute(intent_id, dispute_id, won=False)
    assert await look(world, dispute_id) == "lost"
    assert f"buyer:{refund.purchase.purchase_id}:refundable" not in books(world)
    calls = world.gateway.calls["refund_intent"]
    assert (await steps.pay_refund(PayRefund(refund=refund, turn=2))).status == "succeeded"
    assert world.gateway.calls["refund_intent"] == calls
    world.gateway.return_of_dispute(dispute_id, 300)
    await look(world, dispute_id)
    assert books(world)[f"buyer:{refund.purchase.purchase_id}:refundable"] == 300
    book = await world.store.read(lambda uow: uow.get(Refunds, refund.purchase.purchase_id))
    first, owed = book.refunds.values()
    assert (first.state, first.due_minor, first.amount_minor) == ("succeeded", 0, PRICE - 300)
    assert (owed.state, owed.due_minor, owed.reason) == ("requested", 300, "returned-by-bank")
    await paid_by_hand(world, refund.model_copy(update={"refund_id": owed.refund_id, "amount_minor": 300}))
    assert books(world)["platform:bank"] == 300
    assert f"buyer:{refund.purchase.purchase_id}:refundable" not in books(world)


async def test_a_refund_that_was_paid_by_hand_meanwhile_is_a_loss(world: SagaWorld, client: Client) -> None:
    """The buyer has the money twice, from us and from the bank."""
    intent_id = await sold(world, client)
    refund = await refunded(world, begins="pending", amount_minor=PRICE)
    steps = RefundActivities(world.store, world.gateway)
    dispute_id = world.gateway.dispute(intent_id).dispute_id
    await steps.pay_refund(PayRefund(refund=refund, turn=1))
    await look(world, dispute_id)
    await steps.pay_refund(PayRefund(refund=refund, turn=2, by_hand="a bank transfer"))
    world.gateway.end_dispute(intent_id, dispute_id, won=False)
    await look(world, dispute_id)
    assert (books(world)[LOSSES], books(world)["platform:bank"]) == (-PRICE, PRICE)


@pytest.mark.parametrize("returned", [PRICE, 0])
async def test_a_prevented_dispute_ends(world: SagaWorld, client: Client, returned: int) -> None:
    """What Stripe moved decides: with all of the money back the tickets are valid, else it counts as lost."""
    intent_id = await sold(world, client)
    dispute_id = world.gateway.dispute(intent_id).dispute_id
    await look(world, dispute_id)
    assert await blocked(world) == {True}
    known: DisputeStatus = world.gateway.disputes[dispute_id]
    world.gateway.disputes[dispute_id] = known.model_copy(update={"status": "closed", "returned_minor": returned})
    assert await look(world, dispute_id) == "closed"
    assert await blocked(world) == {not returned}
    assert books(world).get("venue:ve:payable", 0) == (SHARE if returned else 0)
    assert RESERVE not in books(world)


async def test_a_fee_that_stripe_gives_back_of_a_lost_dispute_is_posted(world: SagaWorld, client: Client) -> None:
    """Once, although every later look sees it."""
    intent_id = await sold(world, client)
    dispute_id = await lost(world, intent_id)
    known = world.gateway.disputes[dispute_id]
    world.gateway.disputes[dispute_id] = known.model_copy(update={"fee_back_minor": DISPUTE_FEE})
    await look(world, dispute_id)
    assert books(world)["processing:fees"] == -FEE


async def test_a_disputed_purchase_says_so(world: SagaWorld, client: Client) -> None:
    """Its document, its tickets and its receipt's lines name the dispute and its end."""
    intent_id = await sold(world, client)
    seen: list[Any] = []
    dispute_id = world.gateway.dispute(intent_id).dispute_id
    for won in (None, False):
        if won is not None:
            world.gateway.end_dispute(intent_id, dispute_id, won=won)
        await look(world, dispute_id)
        purchase = await document(world)
        seen.append((purchase["dispute_state"], {ticket["blocked"] for ticket in purchase["tickets"]}))
    world.gateway.return_of_dispute(dispute_id, 8)
    await look(world, dispute_id)
    purchase = await document(world)
    assert seen == [("open", {True}), ("lost", {True})]
    assert purchase["disputes"][0]["returned_minor"] == 8
    assert purchase["lost_to_disputes_minor"] == PRICE - 8
