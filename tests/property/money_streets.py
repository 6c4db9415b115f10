"""Sales and refunds in the town: run each event on the program, and update the model.

Stripe's part is read from its fakes; the program's part comes from the model.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from activities.core.commands import EndPurchase, LatePayment, MintTicket, PayRefund, PurchaseRef, RefundRef
from activities.refunds.request_refund import RequestRefund
from domain.core.errors import Refusal
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.payments.payment_intent import IntentRequest, StripeRefund
from domain.payments.refunds import Refunds
from domain.tickets.ticket import Ticket
from tests.property.money_events import (
    AskRefund,
    Deliver,
    EndRefund,
    Pay,
    PayByHand,
    Sell,
    Settle,
    UnusedPayment,
)
from tests.property.money_model import Back, Sale
from tests.property.money_strays import Stray
from tests.property.money_town import Town

T = TypeVar("T")
REFUSED = "a refund of what a bank has taken is refused"


def at(found: list[T], which: int) -> T | None:
    """Pick by number modulo the count, or None."""
    return found[which % len(found)] if found else None


async def sell(town: Town, event: Sell) -> None:
    bought = await town.buy(event, f"pu{len(town.bought)}")
    if bought is None:
        return
    sale = town.modelled(event, bought)
    assert bought.charge == (sale.split.total if event.tender == "card" else 0)
    if bought.charge:
        sale.intent_id = await town.pay(bought)
        await town.payments.look_at_intent(bought.purchase)
    await town.sales.confirm_seats(bought.purchase)
    if bought.charge:
        await town.payments.capture_payment(bought.purchase)
        sale.fee = town.gateway.intents[sale.intent_id].stripe_fee_minor or 0
    await town.sales.confirm_order(bought.purchase)
    town.sales_made.append(sale)


async def refund_unused_payment(town: Town, event: UnusedPayment) -> None:
    """Refund the payment of an ended purchase, or a second payment of a sold one."""
    wanted = Sell(event.venue, 1, 0, 0, "card", code=False)
    town.gateway.refunds_begin = "succeeded"
    if event.is_second:
        sold = [sale for sale in town.sales_made if sale.intent_id]
        if not sold:
            return
        sale = sold[-1]
        venue = sale.venue
        request = IntentRequest(
            tenant_id="default",
            purchase_id=sale.purchase_id,
            amount_minor=sale.split.total,
            currency=town.currency(sale),
        )
        stray = (await town.gateway.create_intent(request, f"stray{len(town.gateway.intents)}")).intent_id
        town.gateway.pay(stray)
        await town.gateway.capture_intent(stray, "elsewhere")
        late = LatePayment(**town.ref(sale).model_dump(), intent_id=stray)
        await town.late.resolve_late_payment(late)
        name, currency, ref = stray, town.currency(sale), town.ref(sale)
    else:
        bought = await town.buy(wanted, f"pu{len(town.bought)}")
        if bought is None:
            return
        name, currency, venue = await town.pay(bought), town.terms[event.venue].currency, event.venue
        ref = bought.purchase
        await town.gateway.capture_intent(name, "elsewhere")
        await town.payments.cancel_payment(bought.purchase)
        await town.sales.cancel_order(EndPurchase(purchase=bought.purchase, reason="hold-expired"))
    intent = town.gateway.intents[name]
    end = await give_back_unused(town, ref.purchase_id, name, event.went)
    town.strays.append(Stray(name, currency, intent.stripe_fee_minor or 0, ref, venue, intent.received_minor, end))


async def give_back_unused(
    town: Town, purchase_id: str, intent_id: str, went: str
) -> Literal["owed", "returned", "by hand"]:
    """Pay the refund of money that bought nothing, as its workflow does; each try has a key of its own."""
    book = await town.store.read(lambda uow: uow.get(Refunds, purchase_id))
    (decided,) = book.of_payment(intent_id)
    purchase = PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1)
    ref = RefundRef(purchase=purchase, refund_id=decided.refund_id, ticket_ids=(), amount_minor=decided.amount_minor)
    if went == "owed":
        return "owed"
    turn = await town.refunds.post_refund(ref)
    if went in {"uncovered, then succeeded", "by hand"}:
        town.gateway.refuse("refund_intent", "insufficient_funds")
        turn = (await town.refunds.pay_refund(PayRefund(refund=ref, turn=turn))).turn + 1
        town.gateway.allow("refund_intent")
    if went == "by hand":
        await town.refunds.pay_refund(PayRefund(refund=ref, turn=turn, by_hand="a bank transfer"))
        return "by hand"
    assert (await town.refunds.pay_refund(PayRefund(refund=ref, turn=turn))).status == "succeeded"
    if went == "came back":
        made = (await town.gateway.refunds_of(intent_id))[0]
        town.gateway.finish_refund(made.refund_id, succeed=False)
        assert (await town.refunds.pay_refund(PayRefund(refund=ref, turn=turn))).status == "failed"
        return "owed"
    return "returned"


async def settle(town: Town, event: Settle) -> None:
    sale = at(town.sales_made, event.sale)
    if sale is not None:
        await town.act(event.how, lambda: town.books.settle_sale(town.ref(sale)))
        # Its money is judged once the order has ended, whenever its tickets are delivered.
        await town.store.commit(lambda uow: uow.get(Order, sale.purchase_id).fulfil(uow.at))
        sale.is_settled = True


async def deliver(town: Town, event: Deliver) -> None:
    sale = at(town.sales_made, event.sale)
    if sale is not None and sale.is_settled:
        ticket = sale.tickets[event.ticket % len(sale.tickets)]
        mint = MintTicket(purchase=town.ref(sale), ticket_id=ticket)
        await town.store.commit(lambda uow: _mint(uow, ticket))
        await town.act(event.how, lambda: town.books.settle_mint(mint))
        sale.delivered.add(ticket)


def _mint(uow: UnitOfWork, ticket_id: str) -> None:
    """Record the token of a ticket that is not void."""
    ticket = uow.get(Ticket, ticket_id)
    if ticket.state != "void":
        ticket.mint_token(ticket_id, "", uow.at)


async def ask_refund(town: Town, event: AskRefund) -> None:
    sale = at(town.sales_made, event.sale)
    if sale is None:
        return
    step, name = town.terms[sale.venue].step, f"rf{len(town.backs())}"
    ticket, amount = sale.tickets[event.amount % len(sale.tickets)], event.amount * step
    some: dict[str, dict[str, Any]] = {"ticket": {"ticket_ids": (ticket,)}, "amount": {"amount_minor": amount}}
    wanted = some.get(event.what, {})
    command = RequestRefund(
        tenant_id="default",
        purchase_id=sale.purchase_id,
        refund_id=name,
        body_digest="body",
        reason="goodwill",
        fees=event.fees,
        cash_handed_out=sale.tender == "cash" and event.amount % 2 == 0,
        **wanted,
    )
    try:
        tickets = (await town.refund_commands.request_refund(command)).refund.ticket_ids
    except Refusal:
        return
    if event.what == "amount":
        given = sale.by_amount(amount, event.fees)
    else:
        given = sale.by_ticket(ticket, event.fees) if event.what == "ticket" else sale.whole(event.fees)
    note(sale, Back(name, given, event.fees, tickets))


def note(sale: Sale, back: Back) -> None:
    assert back.given == back.given.within(sale.left), "exceeds the refundable amount"
    sale.backs.append(back)
    if back.given.total and not sale.refundable.total:
        void = {name for each in sale.backs for name in each.tickets}
        assert {name for name, price in sale.prices.items() if price.total} <= void, "all money is back"


def latest_refund(town: Town, back: Back) -> StripeRefund | None:
    """Return the latest Stripe refund of a refund."""
    of = [
        made
        for key, made in town.gateway.refunds.items()
        if key.startswith(f"{back.refund_id}:refund:") or made.refund_id == back.stripe_id
    ]
    return of[-1] if of else None


async def pay(town: Town, event: Pay) -> None:
    """Post the refund before paying it, as the workflow does, with its current turn."""
    found = at(town.backs(), event.refund)
    if found is None or not found[0].is_settled or (found[1].by_hand and found[1].paid):
        return
    sale, back = found
    ref = town.refund_ref(sale, back)
    was_posted, back.posted = back.posted, True
    await town.act(event.how, lambda: town.refunds.post_refund(ref))
    sale.delivered |= set(back.tickets)
    if sale.tender == "cash":
        if was_posted and back.amount:
            await town.act(event.how, lambda: town.refund_commands.hand_out_cash(sale.purchase_id, back.refund_id))
        back.paid = was_posted or (await town.decided(sale, back.refund_id)).handed_out
    elif back.amount:
        await _pay_at_stripe(town, event, sale, back)


async def _pay_at_stripe(town: Town, event: Pay, sale: Sale, back: Back) -> None:
    """Pay a refund; Stripe refuses one of a charge that a bank has taken, whether we know of that or not."""
    ref, known = town.refund_ref(sale, back), await town.decided(sale, back.refund_id)
    refused = known.stripe_refund_id is None and town.gateway.is_charged_back(sale.intent_id)
    if event.begins == "uncovered":
        town.gateway.refuse("refund_intent", "insufficient_funds")
    else:
        town.gateway.refunds_begin = event.begins
    await town.act(event.how, lambda: town.refunds.pay_refund(PayRefund(refund=ref, turn=known.turn)))
    town.gateway.allow("refund_intent")
    if not back.due:
        return
    if refused:
        town.reached[REFUSED] += 1
        now = await town.decided(sale, back.refund_id)
        failure = "insufficient_funds" if event.begins == "uncovered" else "charge_disputed"
        assert (now.state, now.failure, now.turn) == ("failed", failure, known.turn + 1)
    made = latest_refund(town, back)
    back.paid = made is not None and made.status == "succeeded"
    if made is not None and made.status == "failed":  # the excess is with us again, and owed to nobody
        back.excess = 0


async def pay_by_hand(town: Town, event: PayByHand) -> None:
    """Pay by hand only a refund that is posted, as the workflow does."""
    found = at(town.backs(), event.refund)
    if found is None or not found[1].posted or found[1].paid or found[0].tender == "cash":
        return
    sale, back = found
    decided = await town.decided(sale, back.refund_id)
    pay = PayRefund(refund=town.refund_ref(sale, back), turn=decided.turn, by_hand="a bank transfer")
    if decided.state == "failed":
        await town.act(event.how, lambda: town.refunds.pay_refund(pay))
        back.paid, back.by_hand = True, back.by_hand + back.due


async def end_refund(town: Town, event: EndRefund) -> None:
    found = at(town.backs(), event.refund)
    made = latest_refund(town, found[1]) if found else None
    if made is None:
        return
    if made.status == "pending" or (made.status == "succeeded" and not event.succeed):
        town.gateway.finish_refund(made.refund_id, succeed=event.succeed)


STREETS: dict[type, Callable[[Town, Any], Awaitable[None]]] = {
    Sell: sell, UnusedPayment: refund_unused_payment, Settle: settle, Deliver: deliver, AskRefund: ask_refund, Pay: pay,
    PayByHand: pay_by_hand, EndRefund: end_refund,
}  # fmt: skip
