"""Disputes, transfers, payouts and a cancelled show in the town: run each event, and update the model."""

from collections.abc import Awaitable, Callable
from typing import Any

from activities.core.commands import DisputeRef
from activities.payouts.ports import PayoutRef
from activities.refunds.cancel_show import CancelledOrder, CancelShow
from domain.core.ids import derived
from domain.payments.own_movement import OwnMovement
from domain.payouts.connected_account import PayoutStatus
from tests.fakes.payment_gateway import DISPUTE_FEE, Entry
from tests.fakes.samples import AT
from tests.property.money_dashboard import DASHBOARD
from tests.property.money_events import (
    CallOffShow,
    DecideDispute,
    Dispute,
    DisputeStray,
    EndPayout,
    Event,
    FollowPayout,
    LookAtDispute,
    MoveOwn,
    Pay,
    PayOut,
    ReturnDispute,
    ReverseShare,
    SendShare,
    Vanish,
)
from tests.property.money_model import STEPS, Back, DisputeClaim, Sale
from tests.property.money_strays import Stray
from tests.property.money_streets import STREETS, at, latest_refund, note, pay
from tests.property.money_town import Town


async def apply_event(town: Town, event: Event) -> None:
    """Run an event."""
    await WAYS[type(event)](town, event)


async def dispute(town: Town, event: Dispute) -> None:
    sale = at(town.sales_made, event.sale)
    if sale is None or not sale.intent_id:
        return
    step, intent = town.terms[sale.venue].step, town.gateway.intents[sale.intent_id]
    others = (town.gateway.disputes[name] for name in sale.claims)
    taken = intent.received_minor - sum(seen.amount_minor for seen in others if seen.status != "won")
    rest = max(taken - intent.refunded_minor, 0)
    amount = {"all": taken, "rest": rest, "half": taken // step // 2 * step}[event.part]
    if amount:
        _open(town, sale, sale.intent_id, amount, withdrawn=event.withdrawn)


async def dispute_stray(town: Town, event: DisputeStray) -> None:
    stray = at(town.strays, event.stray)
    if stray is None:
        return
    taken = town.gateway.intents[stray.intent_id].received_minor
    others = [town.gateway.disputes[name] for name in stray.claims]
    taken -= sum(seen.amount_minor for seen in others if seen.status != "won")
    if amount := taken // 20 * 10 if event.half else taken:
        _open(town, stray, stray.intent_id, amount, withdrawn=True)


def _open(town: Town, charge: Sale | Stray, intent_id: str, amount: int, *, withdrawn: bool) -> None:
    seen = town.gateway.dispute(intent_id, amount, inquiry=not withdrawn)
    charge.claims[seen.dispute_id] = DisputeClaim(amount, DISPUTE_FEE)


async def decide_dispute(town: Town, event: DecideDispute) -> None:
    found = at(town.claims(), event.dispute)
    if found is None:
        return
    _, name, _ = found
    seen, gateway = town.gateway.disputes[name], town.gateway
    if seen.status == "warning":
        gateway.withdraw(name)
    elif seen.status == "open":
        gateway.disputes[name] = seen.model_copy(update={"status": "won" if event.won else "lost"})
        if event.won:
            gateway.return_of_dispute(name, seen.amount_minor, DISPUTE_FEE if event.fee_back else 0)


async def return_dispute(town: Town, event: ReturnDispute) -> None:
    found = at(town.claims(), event.dispute)
    seen = town.gateway.disputes[found[1]] if found else None
    if found is None or seen is None or seen.status != "lost":
        return
    step = STEPS.get(seen.currency, 1)  # Stripe has no other amounts
    if amount := (seen.amount_minor - seen.returned_minor) * event.parts // (4 * step) * step:
        town.gateway.return_of_dispute(found[1], amount)


async def look_at_dispute(town: Town, event: LookAtDispute) -> None:
    found = at(town.claims(), event.dispute)
    if found is None:
        return
    charge, name, claim = found
    if isinstance(charge, Sale):
        await _hear_of_refunds(town, charge)
    ref = DisputeRef(purchase=town.ref(charge) if isinstance(charge, Sale) else charge.purchase, dispute_id=name)
    await town.act(event.how, lambda: town.disputes.look_at_dispute(ref))
    seen = town.gateway.disputes[name]
    if not seen.is_withdrawn:
        return
    if claim.state == "unknown":
        charge.open_claim(claim)
    if claim.state == "open" and seen.status == "lost":
        charge.lose_claim(claim)
    elif claim.state == "open" and seen.status == "won":
        claim.state = "won"
    if claim.state == "lost" and seen.returned_minor > claim.returned:
        key = f"{name}:returned:{seen.returned_minor}"
        charge.take_back(claim, seen.returned_minor - claim.returned, lambda refund: derived("rf", refund, key))
    claim.returned, claim.fee_back = seen.returned_minor, seen.fee_back_minor


async def _hear_of_refunds(town: Town, sale: Sale) -> None:
    """Deliver the news of refunds that have arrived: no bank decides before they come."""
    for number, (owner, back) in enumerate(town.backs()):
        made = latest_refund(town, back) if owner is sale and not back.paid else None
        if made is not None and made.status == "succeeded":
            await pay(town, Pay(number, "succeeded", "once"))


async def move_own(town: Town, event: MoveOwn) -> None:
    """Move our own balance, and let the worker list it twice."""
    sign = -1 if event.kind in {"payout", "stripe_fee"} else 1
    moved = OwnMovement(
        entry_id=f"txn{len(town.moved)}",
        kind=event.kind,
        currency=town.terms[event.venue].currency,
        amount_minor=sign * event.amount,
        fee_minor=0,
        at=AT,
    )
    town.gateway.entries.append(Entry(event.kind, "", moved.currency, moved.amount_minor))
    town.moved[moved.entry_id] = moved
    for _ in range(2 if event.twice else 1):
        for known in town.moved.values():
            await town.own.post_movement(known)


async def vanish(town: Town, event: Vanish) -> None:
    change = town.connect.vanished.add if event.gone else town.connect.vanished.discard
    change(town.account_of[event.venue])


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
        if town.account_of[venue] in town.connect.vanished:
            return
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
    **STREETS, **DASHBOARD, Dispute: dispute, DisputeStray: dispute_stray, DecideDispute: decide_dispute,
    ReturnDispute: return_dispute, MoveOwn: move_own, Vanish: vanish, LookAtDispute: look_at_dispute,
    SendShare: send_share, ReverseShare: reverse_share, PayOut: pay_out, EndPayout: end_payout,
    FollowPayout: follow_payout, CallOffShow: call_off,
}  # fmt: skip
