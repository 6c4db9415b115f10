"""Late payments: one that arrives when its purchase no longer waits for it buys the seats again, or is returned."""

from collections.abc import Sequence
from typing import NamedTuple

from temporalio import activity

from activities.catalog.prices import discount_of
from activities.core.commands import LatePayment, PurchaseRef
from activities.core.follow_ups import close_follow_up
from activities.core.ports import EventStore, PaymentGateway
from activities.core.task_queues import STRIPE, activity_on
from activities.payments.intent import PAID, PaymentActivities
from activities.payments.release import PaymentKey, PaymentRelease, begin_payment
from activities.refunds.request_refund import RequestRefund, book_of, lost_of, request
from activities.refunds.unsold import excess_of, strangers
from activities.sales.order import MAKER, attempt_of, create_tickets, hold_seats
from domain.catalog.show import Show
from domain.core.actor import acting_as, operator_actor
from domain.core.errors import Refusal, WrongState
from domain.core.ids import hold_key_of, refund_id_of
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.orders.reopening import reopen
from domain.payments.payment import IntentCreated, Payment, StrayIntentFound
from domain.payments.payment_intent import IntentState, StripeRefund
from domain.payments.refund import MADE_AT_STRIPE
from domain.stock.buyer_limit import Allowance

OPEN = "open"  # the purchase has not ended, and this payment is not its own
SOLD = "sold"
OWED = "owed"  # it bought nothing: refunds give the money back


class _PurchaseState(NamedTuple):
    """The purchase's present attempt, and whether the late payment is the attempt's own."""

    purchase: PurchaseRef
    own: bool
    sold: bool
    ended: bool


class LatePaymentActivities:
    """Resolves late payments. Idempotent: a repeat returns the same outcome, or its later state."""

    def __init__(self, store: EventStore, gateway: PaymentGateway, payments: PaymentActivities) -> None:
        self._store = store
        self._gateway = gateway
        self._payments = payments
        self._back = PaymentRelease(store, gateway)

    @activity_on(STRIPE, name="resolve_late_payment")
    async def resolve_late_payment(self, late: LatePayment) -> PurchaseRef | str:
        """Return the attempt that sells this payment's seats, or a word: `open`, `sold`, or the payment's last status.

        For a sold order's own payment, record refunds made at Stripe. A payment of the right amount reopens a purchase
        whose hold had expired, if its seats are still available. Any other payment is cancelled, or owed to its buyer.
        """
        with acting_as(operator_actor(late.operator) if late.operator else None):
            seen = await self._resolve(late)
        if isinstance(seen, str) and seen != OPEN:
            await close_follow_up(self._store, "payment-case", late.intent_id, seen)
        return seen

    async def _resolve(self, late: LatePayment) -> PurchaseRef | str:
        found = await self._store.read(lambda uow: _state_of(uow, late))
        if found.own:
            return await self._resolve_own(found, late)
        if not (found.sold or found.ended):
            return OPEN
        state = await self._gateway.retrieve_intent(late.intent_id)
        if found.ended and state.status in PAID:
            try:
                return (await self._store.commit(lambda uow: _reopen(uow, found.purchase, state))).value
            except Refusal as refusal:
                activity.logger.info("late payment %s is returned: %s", late.intent_id, refusal.code)
        money = PaymentKey(found.purchase, late.intent_id)
        reopened = (await self._store.commit(lambda uow: _note_stray(uow, money, state))).value
        if reopened is not None:
            return reopened
        return _end_of((await self._back.release_payment(money, state, bears_excess=late.bears_excess)).status)

    async def _resolve_own(self, found: _PurchaseState, late: LatePayment) -> PurchaseRef | str:
        if found.sold:
            made = await self._gateway.refunds_of(late.intent_id) if late.intent_id else []
            await self._store.commit(lambda uow: _adopt(late, made, uow))
            return SOLD
        if not found.ended:
            return found.purchase
        seen = await self._payments.release(found.purchase, bears_excess=late.bears_excess)
        return "no payment" if seen is None else _end_of(seen.status)


def _end_of(status: str) -> str:
    """Return the word for the end of a payment that was released."""
    return OWED if status in {"succeeded", "refunded"} else status


def _state_of(uow: UnitOfWork, late: LatePayment) -> _PurchaseState:
    order = uow.get(Order, late.purchase_id)
    own = not late.intent_id or _own(uow, late.purchase_id, late.intent_id) is not None
    return _PurchaseState(attempt_of(order), own, order.is_sold, order.is_unsold)


def _own(uow: UnitOfWork, purchase_id: str, intent_id: str) -> PurchaseRef | None:
    """Return the present attempt of a purchase if this payment is its own."""
    order = uow.get(Order, purchase_id)
    payment = uow.find(Payment, f"{purchase_id}:{order.attempt}")
    if payment is None or payment.intent_id != intent_id:
        return None
    return attempt_of(order)


def _reopen(uow: UnitOfWork, former: PurchaseRef, paid: IntentState) -> PurchaseRef:
    """Reopen a purchase with this payment as its own; hold seats, discount and allowances as at first."""
    reopened, order = _own(uow, former.purchase_id, paid.intent_id), uow.get(Order, former.purchase_id)
    if reopened is not None:
        return reopened
    if uow.find(Payment, PaymentKey(former, paid.intent_id).payment_id) is not None:
        raise WrongState("this payment is to be returned", intent_id=paid.intent_id)
    show = uow.get(Show, order.show_id)
    show.check_over(uow.at)
    for line in order.lines:
        show.sellable(line.ticket_type_id)
    reopen(order, paid, uow.at)
    purchase = attempt_of(order)
    key = hold_key_of(purchase.purchase_id, purchase.attempt)
    hold_seats(uow, order.lines, key, order.hold_until, MAKER)
    if order.discount_code is not None:
        discount_of(uow, order.show_id, order.discount_code).claim(key, uow.at)
    quantity, most = sum(line.quantity for line in order.lines), show.buyer_tickets_max
    for allowance_id in order.allowance_ids:
        uow.get(Allowance, allowance_id).claim(order.identity, order.show_id, quantity, most, 0, uow.at)
    create_tickets(uow, order)
    begin_payment(uow, IntentCreated, PaymentKey(purchase, str(purchase.attempt)), paid, show.capture_method)
    return purchase


def _note_stray(uow: UnitOfWork, money: PaymentKey, state: IntentState) -> PurchaseRef | None:
    """Record that a payment is to be returned; return the attempt instead if the payment has reopened the purchase."""
    reopened = _own(uow, money.purchase.purchase_id, state.intent_id)
    if reopened is None and uow.find(Payment, money.payment_id) is None:
        begin_payment(uow, StrayIntentFound, money, state, "manual")
    return reopened


def _adopt(late: LatePayment, made: Sequence[StripeRefund], uow: UnitOfWork) -> None:
    """Record refunds that a person made at Stripe: each pays a failed one of ours, or is a refund of its own.

    One that leaves nothing also voids the tickets. Raise RefundExceeds for one of more than is left, unless the
    platform bears the rest; PaymentDisputed while a bank decides how much that is.
    """
    order = uow.get(Order, late.purchase_id)
    if order.price is None or not any(not refund.key for refund in made):
        return
    book = book_of(uow, order, order.price)
    for refund in strangers(book, made):
        if refund.key or book.take_place(refund, "", uow.at):
            continue
        in_place_minor = book.pay_failed(refund, "", uow.at)
        left_minor = in_place_minor + book.left(lost_of(uow, order)).total_minor
        names = (book.price.currency, "", late.intent_id)
        excess_minor = excess_of(book, refund, left_minor, *names, bears_excess=late.bears_excess)
        command = RequestRefund(
            tenant_id=order.tenant_id,
            purchase_id=order.identity,
            refund_id=refund_id_of(order.nonce, order.tenant_id, order.identity, refund.refund_id),
            body_digest=refund.refund_id,
            reason=MADE_AT_STRIPE,
            amount_minor=refund.amount_minor - in_place_minor - excess_minor,
            even_redeemed=True,
            excess_minor=excess_minor,
            in_place_minor=in_place_minor,
        )
        book.pend(request(uow, command).refund.refund_id, refund.refund_id, uow.at)
