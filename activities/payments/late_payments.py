"""Late payments: money that came when its purchase did not wait for it buys the seats after all, or goes back."""

from functools import partial
from typing import NamedTuple

from temporalio import activity

from activities.catalog.prices import discount_of
from activities.core.commands import LatePayment, PurchaseRef
from activities.core.ports import Ledger, PaymentGateway
from activities.disputes.lookup import disputes_of, lost_of
from activities.payments.intent import PAID, PaymentActivities
from activities.payments.release import MoneyBack, MoneyOf
from activities.refunds.request_refund import RequestRefund, book_of, request
from activities.sales.order import MAKER, create_tickets, hold_seats
from domain.catalog.show import Show
from domain.core.aggregate import FirstFact
from domain.core.errors import Refusal, WrongState
from domain.core.ids import derived, hold_key_of
from domain.core.unit_of_work import Desk
from domain.orders.order import Order
from domain.orders.reopening import revive
from domain.payments.payment import IntentCreated, Payment, StrayIntentFound
from domain.payments.payment_intent import IntentState, RefundState
from domain.stock.buyer_limit import Allowance

OPEN = "open"  # the purchase is not decided yet, and this payment is not its own
SOLD = "sold"


class _Standing(NamedTuple):
    """How the purchase stands: its present attempt, and whether the payment in question is the attempt's own."""

    purchase: PurchaseRef
    own: bool
    sold: bool
    ended: bool


class LatePaymentActivities:
    """Decides what becomes of a payment; asked again it says the same, or how that has gone on."""

    def __init__(self, ledger: Ledger, gateway: PaymentGateway, payments: PaymentActivities) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._payments = payments
        self._back = MoneyBack(ledger, gateway)

    @activity.defn(name="resolve_late_payment")
    async def resolve_late_payment(self, late: LatePayment) -> PurchaseRef | str:
        """Return the attempt that sells this payment's seats, or a word: `open`, `sold`, or how the payment ended.

        Of a sold order's own payment it is recorded what was refunded elsewhere. A payment of the right amount takes a
        purchase up again whose hold had run out, if its seats are still there. Any other is given back.
        """
        standing = await self._ledger.read(lambda desk: _standing(desk, late))
        if standing.own:
            return await self._resolve_own(standing, late.intent_id)
        if not (standing.sold or standing.ended):
            return OPEN
        state = await self._gateway.retrieve_intent(late.intent_id)
        if standing.ended and state.status in PAID:
            try:
                return (await self._ledger.commit(lambda desk: _revive(desk, standing.purchase, state))).value
            except Refusal as refusal:
                activity.logger.info("the payment %s is given back: %s", late.intent_id, refusal.code)
        money = MoneyOf(standing.purchase, late.intent_id)
        taken_up = (await self._ledger.commit(lambda desk: _note_stray(desk, money, state))).value
        return (await self._back.let_go(money, state)).status if taken_up is None else taken_up

    async def _resolve_own(self, standing: _Standing, intent_id: str) -> PurchaseRef | str:
        if standing.sold:
            for refund in await self._gateway.refunds_of(intent_id) if intent_id else ():
                if not refund.key and refund.status not in {"failed", "canceled"}:
                    await self._ledger.commit(partial(_adopt, standing.purchase, refund))
            return SOLD
        if not standing.ended:
            return standing.purchase
        seen = await self._payments.cancel_payment(standing.purchase)
        return "no payment" if seen is None else seen.status


def _standing(desk: Desk, late: LatePayment) -> _Standing:
    order = desk.get(Order, late.purchase_id)
    purchase = PurchaseRef(tenant_id=order.tenant_id, purchase_id=order.identity, attempt=order.attempt)
    own = not late.intent_id or _own(desk, late.purchase_id, late.intent_id) is not None
    return _Standing(purchase, own, order.is_sold, order.state in {"cancelled", "refused"})


def _own(desk: Desk, purchase_id: str, intent_id: str) -> PurchaseRef | None:
    """Return the present attempt of a purchase if this payment is its own."""
    order = desk.get(Order, purchase_id)
    payment = desk.find(Payment, f"{purchase_id}:{order.attempt}")
    if payment is None or payment.intent_id != intent_id:
        return None
    return PurchaseRef(tenant_id=order.tenant_id, purchase_id=purchase_id, attempt=order.attempt)


def _revive(desk: Desk, former: PurchaseRef, paid: IntentState) -> PurchaseRef:
    """Take a purchase up again with this payment for its own: seats, discount and allowance as at the first time."""
    taken_up, order = _own(desk, former.purchase_id, paid.intent_id), desk.get(Order, former.purchase_id)
    if taken_up is not None:
        return taken_up
    if desk.find(Payment, MoneyOf(former, paid.intent_id).payment_id) is not None:
        raise WrongState("this payment goes back", intent_id=paid.intent_id)
    show = desk.get(Show, order.show_id)
    for line in order.lines:
        show.sellable(line.ticket_type_id)
    revive(order, paid, desk.at)
    purchase = former.model_copy(update={"attempt": order.attempt})
    key = hold_key_of(purchase.purchase_id, purchase.attempt)
    hold_seats(desk, order.lines, key, order.hold_until, MAKER)
    if order.discount_code is not None:
        discount_of(desk, order.show_id, order.discount_code).claim(key, desk.at)
    if order.allowance_id:
        quantity, most = sum(line.quantity for line in order.lines), show.buyer_tickets_max
        allowance = desk.get(Allowance, order.allowance_id)
        allowance.claim(order.identity, order.show_id, quantity, most, 0, desk.at)
    create_tickets(desk, purchase, order)
    _begin(desk, IntentCreated, MoneyOf(purchase, str(purchase.attempt)), paid, show.capture_method)
    return purchase


def _note_stray(desk: Desk, money: MoneyOf, state: IntentState) -> PurchaseRef | None:
    """Decide that a payment goes back; whoever has taken the purchase up with it meanwhile came first."""
    taken_up = _own(desk, money.purchase.purchase_id, state.intent_id)
    if taken_up is None and desk.find(Payment, money.payment_id) is None:
        _begin(desk, StrayIntentFound, money, state, "manual")
    return taken_up


def _begin(desk: Desk, fact: type[FirstFact], money: MoneyOf, state: IntentState, capture_method: str) -> None:
    desk.add(
        Payment.begin(
            fact,
            money.payment_id,
            desk.at,
            tenant_id=money.purchase.tenant_id,
            purchase_id=money.purchase.purchase_id,
            intent_id=state.intent_id,
            amount_minor=state.amount_minor,
            currency=state.currency,
            capture_method=capture_method,
        )
    )


def _adopt(purchase: PurchaseRef, made: RefundState, desk: Desk) -> None:
    """Take a refund that was made elsewhere for one of ours; one of all that was left gives the tickets back too."""
    order = desk.get(Order, purchase.purchase_id)
    if order.price is None:
        return
    book = book_of(desk, order, order.price)
    if made.refund_id in {refund.stripe_refund_id for refund in book.refunds.values()}:
        return
    whole = made.amount_minor == book.left(lost_of(disputes_of(desk, order))).total_minor
    command = RequestRefund(
        tenant_id=order.tenant_id,
        purchase_id=order.identity,
        refund_id=derived("rf", order.tenant_id, order.identity, made.refund_id),
        body_digest=made.refund_id,
        reason="made-at-stripe",
        amount_minor=None if whole else made.amount_minor,
        even_redeemed=True,
    )
    refund = request(desk, command).refund
    book.pend(refund.refund_id, made.refund_id, desk.at)
