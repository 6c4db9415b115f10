"""The refund's steps after its decision: post the debt to the buyer once the sale is settled, and pay it."""

from typing import Protocol

from activities.books.post import owe_cash, post
from activities.core.commands import PayRefund, PurchaseRef, RefundRef, RefundStatus
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, STRIPE, activity_on
from domain.core.errors import PaymentRefused, WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import (
    BooksTransaction,
    Posting,
    by_hand_postings,
    came_back_postings,
    handed_out_postings,
    minted_postings,
    owed_postings,
    paid_back_postings,
)
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.payments.payment_intent import StripeRefund
from domain.payments.refund import Refund, Refunds

UNCOVERED = frozenset({"insufficient_funds", "balance_insufficient"})
ENDED_BADLY = {"failed", "canceled"}


class RefundGateway(Protocol):
    """Stripe, as a refund needs it; raises the same errors as `PaymentGateway`."""

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Refund a captured amount."""

    async def retrieve_refund(self, refund_id: str) -> StripeRefund:
        """Read a refund."""


class RefundActivities:
    """One effect per method, then its event. An attempt's key at Stripe is `{refund_id}:refund:{turn}`."""

    def __init__(self, store: EventStore, gateway: RefundGateway) -> None:
        self._store = store
        self._gateway = gateway

    @activity_on(PURCHASES, name="post_refund")
    async def post_refund(self, refund: RefundRef) -> int:
        """Post the debt to the buyer, once the sale is posted; return the number of the present attempt.

        A refund handed out in cash, or of 0, has succeeded with that.
        """
        purchase, refund_id = refund.purchase, refund.refund_id

        def decide(uow: UnitOfWork) -> int:
            if uow.find(BooksTransaction, f"{purchase.purchase_id}:sale") is None:
                raise TransientError("the sale is not settled yet")
            order, book = uow.get(Order, purchase.purchase_id), uow.get(Refunds, purchase.purchase_id)
            known = book.get(refund_id)
            currency = book.price.currency
            postings = owed_postings(order.venue_id or "", purchase.purchase_id, currency, known.given, known.fees)
            _post(uow, purchase, f"{refund_id}:owed", "refund-owed", postings)
            for ticket_id in known.ticket_ids:  # never to be minted: end the mint debt under the key of the mint
                _post(uow, purchase, f"{ticket_id}:minted", "voided", minted_postings())
            amount = known.given.total_minor
            is_done = (refund.in_cash or not amount) and book.succeed(refund_id, "", uow.at)
            if is_done and amount:
                handed_out = handed_out_postings(order.venue_id or "", purchase.purchase_id, currency, amount)
                _post(uow, purchase, f"{refund_id}:paid:{known.turn}", "refund-in-cash", handed_out)
                owe_cash(uow, purchase, order, known.from_venue_minor - amount, f"cash:{refund_id}")
            return known.turn

        return (await self._store.commit(decide)).value

    @activity_on(STRIPE, name="pay_refund")
    async def pay_refund(self, pay: PayRefund) -> RefundStatus:
        """Pay the refund, or read its status at Stripe, and record it; repeating a failed attempt returns the failure.

        A refund that an operator paid by hand is only recorded, and only if none is in progress at Stripe.
        """
        refund = pay.refund
        if pay.by_hand and (await self._store.commit(lambda uow: _paid_by_hand(uow, pay))).value:
            return RefundStatus(status="succeeded", turn=pay.turn)
        known, intent_id = await self._store.read(lambda uow: _look(uow, refund))
        if (ended := _ended(known, pay.turn)) is not None:
            return ended
        try:
            if known.stripe_refund_id is not None:
                state = await self._gateway.retrieve_refund(known.stripe_refund_id)
            else:
                key = f"{refund.refund_id}:refund:{pay.turn}"
                state = await self._gateway.refund_intent(intent_id, known.due_minor, key)
        except PaymentRefused as refusal:
            reason = str(refusal.data.get("reason") or "refused")
            return await self._fail(pay, "", reason)
        if state.status in ENDED_BADLY:
            return await self._fail(pay, state.refund_id, state.failure or state.status)
        if state.status == "succeeded":
            await self._store.commit(lambda uow: _succeed(uow, pay, state))
            return RefundStatus(status="succeeded", turn=pay.turn)
        await self._store.commit(lambda uow: _book(uow, refund).pend(refund.refund_id, state.refund_id, uow.at))
        return RefundStatus(status="pending", turn=pay.turn)

    async def _fail(self, pay: PayRefund, stripe_refund_id: str, failure: str) -> RefundStatus:
        def decide(uow: UnitOfWork) -> RefundStatus:
            book, refund_id = _book(uow, pay.refund), pay.refund.refund_id
            known = book.get(refund_id)
            if known.turn == pay.turn:
                if known.state == "succeeded" and known.due_minor:
                    postings = came_back_postings(*_amount(pay, book))
                    _post(uow, pay.refund.purchase, f"{refund_id}:back:{pay.turn}", "refund-failed", postings)
                book.fail(refund_id, stripe_refund_id, failure, uow.at)
            return _failed(book.get(refund_id))

        return (await self._store.commit(decide)).value


def _look(uow: UnitOfWork, refund: RefundRef) -> tuple[Refund, str]:
    purchase = refund.purchase
    payment = uow.find(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    if payment is None:
        raise WrongState("the purchase has no captured payment to refund", purchase_id=purchase.purchase_id)
    return _book(uow, refund).get(refund.refund_id), payment.intent_id


def _book(uow: UnitOfWork, refund: RefundRef) -> Refunds:
    return uow.get(Refunds, refund.purchase.purchase_id)


def _amount(pay: PayRefund, book: Refunds) -> tuple[str, str, int]:
    return pay.refund.purchase.purchase_id, book.price.currency, book.get(pay.refund.refund_id).due_minor


def _succeed(uow: UnitOfWork, pay: PayRefund, state: StripeRefund) -> None:
    book, refund_id = _book(uow, pay.refund), pay.refund.refund_id
    if book.get(refund_id).turn == pay.turn and book.succeed(refund_id, state.refund_id, uow.at):
        postings = paid_back_postings(*_amount(pay, book))
        _post(uow, pay.refund.purchase, f"{refund_id}:paid:{pay.turn}", "refund", postings)


def _paid_by_hand(uow: UnitOfWork, pay: PayRefund) -> bool:
    book, refund_id = _book(uow, pay.refund), pay.refund.refund_id
    if book.pay_by_hand(refund_id, pay.by_hand, uow.at):
        postings = by_hand_postings(*_amount(pay, book))
        _post(uow, pay.refund.purchase, f"{refund_id}:paid:{pay.turn}", "refund-by-hand", postings)
    return book.get(refund_id).state == "succeeded"


def _ended(known: Refund, turn: int) -> RefundStatus | None:
    """Return the status of a refund that a bank has paid, or whose attempt has failed; None while it is to be paid."""
    if known.state == "succeeded" and not (known.stripe_refund_id and known.due_minor):
        return RefundStatus(status="succeeded", turn=turn)
    return _failed(known) if known.turn > turn else None


def _failed(known: Refund) -> RefundStatus:
    failure = known.failure or "refused"
    return RefundStatus(status="failed", turn=known.turn - 1, failure=failure, uncovered=failure in UNCOVERED)


def _post(uow: UnitOfWork, purchase: PurchaseRef, key: str, kind: str, postings: tuple[Posting, ...]) -> None:
    if postings:
        post(uow, purchase, key, kind, postings)
