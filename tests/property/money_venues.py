"""Disputes, transfers, payouts and a cancelled show in the town: run each event, and update the model."""

from collections.abc import Awaitable, Callable
from typing import Any

from activities.core.commands import DisputeRef
from activities.payouts.ports import PayoutRef
from activities.refunds.cancel_show import CancelledOrder, CancelShow
from domain.payments.dispute import DisputeStatus
from domain.payouts.connected_account import PayoutStatus
from tests.property.money_events import (
    CallOffShow,
    DecideDispute,
    Dispute,
    EndPayout,
    Event,
    FollowPayout,
    LookAtDispute,
    PayOut,
    ReverseShare,
    SendShare,
)
from tests.property.money_model import Back, DisputeClaim, Sale, Split, apportion
from tests.property.money_streets import STREETS, at, note
from tests.property.money_town import Town

DISPUTE_FEE = 2000


async def apply_event(town: Town, event: Event) -> None:
    """Run an event."""
    await WAYS[type(event)](town, event)


async def dispute(town: Town, event: Dispute) -> None:
    sale = at(town.sales_made, event.sale)
    if sale is None or not sale.intent_id:
        return
    terms, intent = town.terms[sale.venue], town.gateway.intents[sale.intent_id]
    others = (town.gateway.disputes[name] for name in sale.claims)
    taken = intent.received_minor - sum(seen.amount_minor for seen in others if seen.status != "won")
    rest = max(taken - intent.refunded_minor, 0)
    amount = {"all": taken, "rest": rest, "half": taken // terms.step // 2 * terms.step}[event.part]
    if not amount:
        return
    name = f"du{len(town.claims())}"
    seen = DisputeStatus(
        dispute_id=name,
        status="open" if event.withdrawn else "warning",
        amount_minor=amount,
        currency=terms.currency,
        is_withdrawn=event.withdrawn,
        fee_minor=DISPUTE_FEE if event.withdrawn else 0,
    )
    town.gateway.disputes[name] = seen
    town.gateway.disputed_minor[sale.intent_id] += amount + DISPUTE_FEE if event.withdrawn else 0
    sale.claims[name] = DisputeClaim(amount, Split(*apportion(amount, sale.split, terms.step)), DISPUTE_FEE)


async def decide_dispute(town: Town, event: DecideDispute) -> None:
    found = at(town.claims(), event.dispute)
    if found is None:
        return
    sale, name, _ = found
    seen, moved = town.gateway.disputes[name], town.gateway.disputed_minor
    if seen.status == "warning":
        update: dict[str, Any] = {"status": "open", "is_withdrawn": True, "fee_minor": DISPUTE_FEE}
        moved[sale.intent_id] += seen.amount_minor + DISPUTE_FEE
    elif seen.status == "open":
        back = DISPUTE_FEE if event.won and event.fee_back else 0
        update = {"status": "won" if event.won else "lost", "fee_back_minor": back}
        moved[sale.intent_id] -= back + (seen.amount_minor if event.won else 0)
    else:
        return
    town.gateway.disputes[name] = seen.model_copy(update=update)


async def look_at_dispute(town: Town, event: LookAtDispute) -> None:
    found = at(town.claims(), event.dispute)
    if found is None:
        return
    sale, name, claim = found
    ref = DisputeRef(purchase=town.ref(sale), dispute_id=name)
    await town.act(event.how, lambda: town.disputes.look_at_dispute(ref))
    seen = town.gateway.disputes[name]
    if seen.is_withdrawn:
        claim.state, claim.fee_back = seen.status, seen.fee_back_minor


async def send_share(town: Town, event: SendShare) -> None:
    """Transfer the share of a fulfilled card sale only."""
    sale = at(town.sales_made, event.sale)
    if sale is None or not (sale.is_settled and sale.intent_id):
        return
    if event.refused:
        town.connect.refuse("transfer", "balance_insufficient")
    await town.act(event.how, lambda: town.payouts.transfer_share(town.ref(sale)))
    town.connect.allow("transfer")
    _sent(town, sale)


def _sent(town: Town, sale: Sale) -> None:
    made = {name: order for name, order in town.connect.transfers.items() if order.purchase_id == sale.purchase_id}
    assert len(made) <= 1
    sale.sent = sum(order.amount_minor for order in made.values())
    sale.returned = sum(town.connect.reversed[name] for name in made)
    assert sale.sent <= sale.split.total, "more was transferred of a charge than was charged"


async def reverse_share(town: Town, event: ReverseShare) -> None:
    found = at(town.backs(), event.refund)
    if found is not None:
        ref = town.refund_ref(*found)
        await town.act(event.how, lambda: town.payouts.reverse_share(ref))
        _sent(town, found[0])


async def pay_out(town: Town, event: PayOut) -> None:
    account = town.account_of[event.venue]
    amount = town.connect.balances[account] * event.parts // 4
    if amount:
        name = f"po{len(town.payouts_made)}"
        town.connect.balances[account] -= amount
        town.connect.payouts[name] = PayoutStatus(
            payout_id=name, status="in_transit", amount_minor=amount, currency=town.terms[event.venue].currency
        )
        town.payouts_made.append((event.venue, name))


async def end_payout(town: Town, event: EndPayout) -> None:
    found = at(town.payouts_made, event.payout)
    if found is None:
        return
    venue, name = found
    seen = town.connect.payouts[name]
    if seen.status == "in_transit" or (seen.status == "paid" and not event.arrives):
        status = "paid" if event.arrives else "failed"
        town.connect.payouts[name] = seen.model_copy(update={"status": status})
        town.connect.balances[town.account_of[venue]] += 0 if event.arrives else seen.amount_minor


async def follow_payout(town: Town, event: FollowPayout) -> None:
    found = at(town.payouts_made, event.payout)
    if found is not None:
        venue, name = found
        ref = PayoutRef(account_id=town.account_of[venue], payout_id=name)
        await town.act(event.how, lambda: town.payouts.follow_payout(ref))
        seen = town.connect.payouts[name]
        town.paid_out[name] = (venue, seen.amount_minor if seen.status == "paid" else 0)


async def call_off(town: Town, event: CallOffShow) -> None:
    command = CancelShow(
        tenant_id="default", show_id=f"sh{event.venue}", body_digest="c", fees=event.fees, rate_per_second=1000
    )
    if event.venue not in town.called_off:
        await town.cancellations.cancel_show(command)
        town.called_off[event.venue] = event.fees
    fees = town.called_off[event.venue]
    for sale in town.sales_made:
        if sale.venue != event.venue:
            continue
        order = CancelledOrder(purchase=town.ref(sale), show_id=f"sh{event.venue}")
        fate = await town.show_cancellations.decide_order(order)
        if fate.refund is None or fate.refund.refund_id in {back.refund_id for back in sale.backs}:
            continue
        note(sale, Back(fate.refund.refund_id, sale.whole(fees), fees, fate.refund.ticket_ids))


WAYS: dict[type, Callable[[Town, Any], Awaitable[None]]] = {
    **STREETS, Dispute: dispute, DecideDispute: decide_dispute, LookAtDispute: look_at_dispute,
    SendShare: send_share, ReverseShare: reverse_share, PayOut: pay_out, EndPayout: end_payout,
    FollowPayout: follow_payout, CallOffShow: call_off,
}  # fmt: skip
