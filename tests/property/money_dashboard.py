"""Refunds that a person makes in Stripe's dashboard: run each on the program, and update the model."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from activities.core.commands import LatePayment, PayRefund, RefundRef
from domain.core.errors import RefundExceeds
from domain.core.transient import TransientError
from domain.payments.payment_intent import StripeRefund
from domain.payments.refunds import Refunds
from tests.property.money_events import DashboardRefund, DashboardStray, Pay
from tests.property.money_model import Back, DisputeClaim, Sale, Split
from tests.property.money_streets import at, note, pay
from tests.property.money_town import Town


def is_disputed(claims: dict[str, DisputeClaim]) -> bool:
    """Whether a bank may still decide about a charge, or has taken it for good: then nobody can refund it at Stripe."""
    return any(claim.state != "won" for claim in claims.values())


async def dashboard_refund(town: Town, wanted: DashboardRefund) -> None:
    sale = at(town.sales_made, wanted.sale)
    if sale is None or not sale.intent_id or is_disputed(sale.claims):
        return
    intent = town.gateway.intents[sale.intent_id]
    left = intent.received_minor - intent.refunded_minor
    within = min(left, sale.left.total) if wanted.part == "of what is left" else left
    amount = left if wanted.part == "all of the charge" else min(wanted.amount * town.terms[sale.venue].step, within)
    if not amount or (amount > sale.left.total and not sale.is_settled):  # our own refunds go out once it is settled
        return
    town.gateway.refunds_begin = wanted.begins
    await hear(town, sale, town.gateway.refund_in_dashboard(sale.intent_id, amount))


async def hear(town: Town, sale: Sale, made: StripeRefund) -> None:
    """Let the case of the payment record the refund: it pays a failed one of ours, or an operator bears the excess."""
    late, amount = LatePayment(**town.ref(sale).model_dump(), intent_id=sale.intent_id), made.amount_minor
    failed = await ours(town, sale, "failed")
    alike, larger = [one for one in failed if one.due == amount], [one for one in failed if one.due > amount]
    places = [] if alike or larger else in_place(failed, amount)
    rest = amount - sum(places)
    excess = 0 if alike or larger else max(rest - sale.left.total, 0)
    if excess:
        town.reached["an excess"] += 1
        bearing = late.model_copy(update={"bears_excess": True, "operator": "ann"})
        if asked := await ours(town, sale, "requested"):
            town.reached["an excess while one of ours is to be made"] += 1
            with pytest.raises(TransientError):
                await town.late.resolve_late_payment(bearing)
            if not await try_ours(town, sale, asked, made):
                await hear(town, sale, made)
            return
        with pytest.raises(RefundExceeds):
            await town.late.resolve_late_payment(late)
        late = bearing
    await town.late.resolve_late_payment(late)
    adopted = await town.adopted(sale, made.refund_id)
    if alike:
        assert adopted.refund_id == alike[0].refund_id
        alike[0].stripe_id = made.refund_id
    elif larger:
        larger[0].elsewhere += amount
        part = Back(adopted.refund_id, Split(), "platform", (), made.refund_id, posted=True, elsewhere=-amount)
        sale.backs.append(part)
    else:
        if places:
            town.reached["more than failed ones owed, excess" if excess else "more than failed ones owed"] += 1
        for one, paid in zip(failed, places, strict=False):
            one.elsewhere += paid
        given = sale.by_amount(rest - excess, "platform")
        back = Back(adopted.refund_id, given, "platform", adopted.ticket_ids, stripe_id=made.refund_id, excess=excess)
        back.elsewhere = -sum(places)
        note(sale, back)


def in_place(failed: list[Back], amount: int) -> list[int]:
    """Return how much of an amount pays each of the refunds that failed, oldest first."""
    paid: list[int] = []
    for back in failed:
        paid.append(min(back.due, amount - sum(paid)))
    return paid


async def ours(town: Town, sale: Sale, state: str) -> list[Back]:
    """Return the refunds of a sale that are in a state."""
    return [back for back in sale.backs if (await town.decided(sale, back.refund_id)).state == state]


async def try_ours(town: Town, sale: Sale, asked: list[Back], made: StripeRefund) -> bool:
    """Try our refunds, as far as Stripe has money for them; return whether it took the person's for one of ours."""
    for back in asked:
        await pay(town, Pay(town.backs().index((sale, back)), "succeeded", "once"))
        if (await town.decided(sale, back.refund_id)).stripe_refund_id == made.refund_id:
            back.stripe_id, back.paid = made.refund_id, made.status == "succeeded"
            return True
    return False


async def dashboard_stray(town: Town, wanted: DashboardStray) -> None:
    """Refund a payment that was paid back by hand: all of it is an excess; the refund may fail at the bank."""
    stray = at(town.strays, wanted.stray)
    if stray is None or stray.end != "by hand" or stray.excess or is_disputed(stray.claims):
        return
    town.gateway.refunds_begin = "pending"
    intent = town.gateway.intents[stray.intent_id]
    if intent.received_minor == intent.refunded_minor:
        return
    town.reached["an excess of a payment that bought nothing"] += 1
    made = town.gateway.refund_in_dashboard(stray.intent_id, stray.amount)
    late = LatePayment(**stray.purchase.model_dump(), intent_id=stray.intent_id)
    with pytest.raises(RefundExceeds):
        await town.late.resolve_late_payment(late)
    await town.late.resolve_late_payment(late.model_copy(update={"bears_excess": True, "operator": "ann"}))
    book = await town.store.read(lambda uow: uow.get(Refunds, stray.purchase.purchase_id))
    (known,) = (one for one in book.refunds.values() if one.stripe_refund_id == made.refund_id)
    ref = RefundRef(purchase=stray.purchase, refund_id=known.refund_id, ticket_ids=(), amount_minor=stray.amount)
    pay_it = PayRefund(refund=ref, turn=await town.refunds.post_refund(ref))
    assert (await town.refunds.pay_refund(pay_it)).status == "pending"
    if wanted.went != "failed":
        town.gateway.finish_refund(made.refund_id)
        assert (await town.refunds.pay_refund(pay_it)).status == "succeeded"
        stray.excess = stray.amount
    if wanted.went != "succeeded":
        town.gateway.finish_refund(made.refund_id, succeed=False)
        assert (await town.refunds.pay_refund(pay_it)).status == "succeeded"  # nobody is owed it
        stray.excess = 0


DASHBOARD: dict[type, Callable[[Town, Any], Awaitable[None]]] = {
    DashboardRefund: dashboard_refund,
    DashboardStray: dashboard_stray,
}
