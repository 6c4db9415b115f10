"""The refund's steps after its decision: post what is owed once the sale is settled, and give the money back."""

from typing import Protocol

from temporalio import activity

from activities.books.post import owe_cash, post
from activities.core.commands import PayRefund, PurchaseRef, RefundRef, RefundSeen
from activities.core.ports import Ledger
from domain.core.errors import PaymentRefused, WrongState
from domain.core.transient import Weather
from domain.core.unit_of_work import Desk
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
from domain.payments.payment_intent import RefundState
from domain.payments.refund import Refund, Refunds

UNCOVERED = frozenset({"insufficient_funds", "balance_insufficient"})
ENDED_BADLY = {"failed", "canceled"}


class RefundGateway(Protocol):
    """Stripe, as a refund needs it; it fails as `PaymentGateway` does."""

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> RefundState:
        """Refund a captured amount."""

    async def retrieve_refund(self, refund_id: str) -> RefundState:
        """Read a refund."""


class RefundActivities:
    """One effect per method, then its fact. The key of a try at Stripe is `{refund_id}:refund:{turn}`."""

    def __init__(self, ledger: Ledger, gateway: RefundGateway) -> None:
        self._ledger = ledger
        self._gateway = gateway

    @activity.defn(name="post_refund")
    async def post_refund(self, refund: RefundRef) -> int:
        """Post what is owed to the buyer, once the sale is posted; returns the number of the present try.

        What was handed out in cash, and what is not about money, is done with that.
        """
        purchase, refund_id = refund.purchase, refund.refund_id

        def decide(desk: Desk) -> int:
            if desk.find(BooksTransaction, f"{purchase.purchase_id}:sale") is None:
                raise Weather("the sale is not settled yet")
            order, book = desk.get(Order, purchase.purchase_id), desk.get(Refunds, purchase.purchase_id)
            known = book.get(refund_id)
            currency = book.price.currency
            postings = owed_postings(order.venue_id or "", purchase.purchase_id, currency, known.given, known.fees)
            _post(desk, purchase, f"{refund_id}:owed", "refund-owed", postings)
            for ticket_id in known.ticket_ids:  # nobody will mint it: the debt ends under the key that its mint has
                _post(desk, purchase, f"{ticket_id}:minted", "voided", minted_postings())
            amount = known.given.total_minor
            is_done = (refund.in_cash or not amount) and book.succeed(refund_id, "", desk.at)
            if is_done and amount:
                handed_out = handed_out_postings(order.venue_id or "", purchase.purchase_id, currency, amount)
                _post(desk, purchase, f"{refund_id}:paid:{known.turn}", "refund-in-cash", handed_out)
                owe_cash(desk, purchase, order, known.from_venue_minor - amount, f"cash:{refund_id}")
            return known.turn

        return (await self._ledger.commit(decide)).value

    @activity.defn(name="pay_refund")
    async def pay_refund(self, pay: PayRefund) -> RefundSeen:
        """Give the money back, or ask how that stands, and record it; a turn that has failed tells that it has.

        What an operator has paid by hand is only recorded, and only where nothing is under way at Stripe.
        """
        refund = pay.refund
        if pay.by_hand and (await self._ledger.commit(lambda desk: _paid_by_hand(desk, pay))).value:
            return RefundSeen(status="succeeded", turn=pay.turn)
        known, intent_id = await self._ledger.read(lambda desk: _look(desk, refund))
        if known.turn > pay.turn:
            return _failed(known)
        try:
            if known.stripe_refund_id is not None:
                state = await self._gateway.retrieve_refund(known.stripe_refund_id)
            else:
                key = f"{refund.refund_id}:refund:{pay.turn}"
                state = await self._gateway.refund_intent(intent_id, refund.amount_minor, key)
        except PaymentRefused as refusal:
            reason = str(refusal.data.get("reason") or "refused")
            return await self._fail(pay, "", reason)
        if state.status in ENDED_BADLY:
            return await self._fail(pay, state.refund_id, state.failure or state.status)
        if state.status == "succeeded":
            await self._ledger.commit(lambda desk: _succeed(desk, pay, state))
            return RefundSeen(status="succeeded", turn=pay.turn)
        await self._ledger.commit(lambda desk: _book(desk, refund).pend(refund.refund_id, state.refund_id, desk.at))
        return RefundSeen(status="pending", turn=pay.turn)

    async def _fail(self, pay: PayRefund, stripe_refund_id: str, failure: str) -> RefundSeen:
        def decide(desk: Desk) -> RefundSeen:
            book, refund_id = _book(desk, pay.refund), pay.refund.refund_id
            known = book.get(refund_id)
            if known.turn == pay.turn:
                if known.state == "succeeded":
                    postings = came_back_postings(*_amount(pay, book))
                    _post(desk, pay.refund.purchase, f"{refund_id}:back:{pay.turn}", "refund-failed", postings)
                book.fail(refund_id, stripe_refund_id, failure, desk.at)
            return _failed(book.get(refund_id))

        return (await self._ledger.commit(decide)).value


def _look(desk: Desk, refund: RefundRef) -> tuple[Refund, str]:
    purchase = refund.purchase
    payment = desk.find(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    if payment is None:
        raise WrongState("no payment of ours can be given back", purchase_id=purchase.purchase_id)
    return _book(desk, refund).get(refund.refund_id), payment.intent_id


def _book(desk: Desk, refund: RefundRef) -> Refunds:
    return desk.get(Refunds, refund.purchase.purchase_id)


def _amount(pay: PayRefund, book: Refunds) -> tuple[str, str, int]:
    return pay.refund.purchase.purchase_id, book.price.currency, book.get(pay.refund.refund_id).given.total_minor


def _succeed(desk: Desk, pay: PayRefund, state: RefundState) -> None:
    book, refund_id = _book(desk, pay.refund), pay.refund.refund_id
    if book.get(refund_id).turn == pay.turn and book.succeed(refund_id, state.refund_id, desk.at):
        postings = paid_back_postings(*_amount(pay, book))
        _post(desk, pay.refund.purchase, f"{refund_id}:paid:{pay.turn}", "refund", postings)


def _paid_by_hand(desk: Desk, pay: PayRefund) -> bool:
    book, refund_id = _book(desk, pay.refund), pay.refund.refund_id
    if book.pay_by_hand(refund_id, pay.by_hand, desk.at):
        postings = by_hand_postings(*_amount(pay, book))
        _post(desk, pay.refund.purchase, f"{refund_id}:paid:{pay.turn}", "refund-by-hand", postings)
    return book.get(refund_id).state == "succeeded"


def _failed(known: Refund) -> RefundSeen:
    failure = known.failure or "refused"
    return RefundSeen(status="failed", turn=known.turn - 1, failure=failure, uncovered=failure in UNCOVERED)


def _post(desk: Desk, purchase: PurchaseRef, key: str, kind: str, postings: tuple[Posting, ...]) -> None:
    if postings:
        post(desk, purchase, key, kind, postings)
