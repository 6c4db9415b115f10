"""The refund's steps after its decision: post the debt to the buyer once the sale is settled, and pay it."""

from typing import Protocol

from activities.books.post import post
from activities.core.commands import PayRefund, RefundRef, RefundStatus
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, STRIPE, activity_on
from activities.refunds.owed import is_posted, post_owed, return_excess
from activities.refunds.unsold import FAILED_AT_STRIPE, strangers
from activities.sales.payment_lookup import note_arrival
from domain.core.actor import acting_as, operator_actor
from domain.core.errors import PaymentRefused, WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import by_hand_postings, came_back_postings, paid_back_postings
from domain.payments.payment import Payment
from domain.payments.payment_intent import StripeRefund
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds

UNCOVERED = frozenset({"insufficient_funds", "balance_insufficient"})


class RefundGateway(Protocol):
    """Stripe, as a refund needs it; raises the same errors as `PaymentGateway`."""

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Refund a captured amount."""

    async def retrieve_refund(self, refund_id: str) -> StripeRefund:
        """Read a refund."""

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        """List all refunds of an intent, ours and others."""


class RefundActivities:
    """One effect per method, then its event. An attempt's key at Stripe is `{refund_id}:refund:{turn}`."""

    def __init__(self, store: EventStore, gateway: RefundGateway) -> None:
        self._store = store
        self._gateway = gateway

    @activity_on(PURCHASES, name="post_refund")
    async def post_refund(self, refund: RefundRef) -> int:
        """Post the debt to the buyer, once the sale is posted; return the number of the present attempt.

        Money that bought nothing is owed since its decision. A refund of 0 has succeeded with that, one that the box
        office handed out too; other cash is owed at the till.
        """

        def decide(uow: UnitOfWork) -> int:
            book = _book(uow, refund)
            known = book.get(refund.refund_id)
            if not known.intent_id:
                post_owed(uow, refund.purchase, book, known)
            return known.turn

        return (await self._store.commit(decide)).value

    @activity_on(STRIPE, name="pay_refund")
    async def pay_refund(self, pay: PayRefund) -> RefundStatus:
        """Pay the refund, or read its status at Stripe, and record it; repeating a failed attempt returns the failure.

        A failed refund is not tried again if a person has made it at Stripe since then: that one is followed. With
        `only_look` it is not tried again either way. A refund that an operator paid by hand is only recorded, and only
        if none is in progress at Stripe.
        """
        refund = pay.refund
        known, intent_id = await self._store.read(lambda uow: _look(uow, refund))
        if known.state == "failed":
            known = await self._look_elsewhere(pay, intent_id)
        if pay.by_hand and await self._paid_by_hand(pay):
            return RefundStatus(status="succeeded", turn=pay.turn)
        if (ended := _ended(known, pay)) is not None:
            return ended
        try:
            if known.stripe_refund_id is not None:
                state = await self._gateway.retrieve_refund(known.stripe_refund_id)
            else:
                key = f"{refund.refund_id}:refund:{pay.turn}"
                state = await self._gateway.refund_intent(intent_id, known.due_minor, key)
            if state.status in FAILED_AT_STRIPE:
                return await self._fail(pay, state.refund_id, state.failure or state.status)
            record = _succeed if state.status == "succeeded" else _pend
            await self._store.commit(lambda uow: record(uow, pay, state))
        except PaymentRefused as refusal:
            reason = str(refusal.data.get("reason") or "refused")
            return await self._fail(pay, "", reason)
        return RefundStatus(status="succeeded" if state.status == "succeeded" else "pending", turn=pay.turn)

    async def _paid_by_hand(self, pay: PayRefund) -> bool:
        with acting_as(operator_actor(pay.operator) if pay.operator else None):
            return (await self._store.commit(lambda uow: _paid_by_hand(uow, pay))).value

    async def _look_elsewhere(self, pay: PayRefund, intent_id: str) -> Refund:
        """Let refunds that a person made at Stripe pay failed ones, or parts of them; return the refund after that."""
        made = await self._gateway.refunds_of(intent_id)

        def decide(uow: UnitOfWork) -> Refund:
            book = _book(uow, pay.refund)
            for one in strangers(book, made):
                is_taken = book.take_place(one, book.get(pay.refund.refund_id).intent_id, uow.at)
                if not is_taken and not pay.only_look and book.get(pay.refund.refund_id).state == "failed":
                    raise TransientError(f"{one.refund_id}, made by a person at Stripe, is not recorded: see its case")
            return book.get(pay.refund.refund_id)

        return (await self._store.commit(decide)).value

    async def _fail(self, pay: PayRefund, stripe_refund_id: str, failure: str) -> RefundStatus:
        def decide(uow: UnitOfWork) -> RefundStatus:
            book, refund_id = _book(uow, pay.refund), pay.refund.refund_id
            known = book.get(refund_id)
            if known.turn == pay.turn:
                if known.state == "succeeded" and known.due_minor:
                    postings = came_back_postings(*_amount(pay, book))
                    key = f"{refund_id}:back:{pay.turn}"
                    post(uow, pay.refund.purchase, key, "refund-failed", postings, known.intent_id)
                book.fail(refund_id, stripe_refund_id, failure, uow.at)
                return_excess(uow, pay.refund.purchase, book, refund_id)
                note_arrival(uow, book, book.get(refund_id))
            return _ended(book.get(refund_id), pay) or _failed(book.get(refund_id))

        return (await self._store.commit(decide)).value


def _look(uow: UnitOfWork, refund: RefundRef) -> tuple[Refund, str]:
    known, purchase = _book(uow, refund).get(refund.refund_id), refund.purchase
    if not is_posted(uow, known):
        raise EvidenceMissing("no posting says that the buyer is owed the refund", refund_id=refund.refund_id)
    if known.intent_id:
        return known, known.intent_id
    payment = uow.find(Payment, f"{purchase.purchase_id}:{purchase.attempt}")
    if payment is None:
        raise WrongState("the purchase has no captured payment to refund", purchase_id=purchase.purchase_id)
    return known, payment.intent_id


def _book(uow: UnitOfWork, refund: RefundRef) -> Refunds:
    return uow.get(Refunds, refund.purchase.purchase_id)


def _amount(pay: PayRefund, book: Refunds) -> tuple[str, str, int]:
    known = book.get(pay.refund.refund_id)
    return pay.refund.purchase.purchase_id, book.currency_of(known), known.due_minor


def _pend(uow: UnitOfWork, pay: PayRefund, state: StripeRefund) -> None:
    book, refund_id = _own_book(uow, pay, state), pay.refund.refund_id
    book.pend(refund_id, state.refund_id, uow.at)


def _own_book(uow: UnitOfWork, pay: PayRefund, state: StripeRefund) -> Refunds:
    """Return the refunds; raise PaymentRefused if Stripe answers another refund of the same amount.

    That is its answer where the charge has no money left.
    """
    book = _book(uow, pay.refund)
    if book.holder_of(state) not in {None, pay.refund.refund_id}:
        raise PaymentRefused("the charge is already refunded", reason="charge_already_refunded")
    return book


def _succeed(uow: UnitOfWork, pay: PayRefund, state: StripeRefund) -> None:
    book, refund_id = _own_book(uow, pay, state), pay.refund.refund_id
    if book.get(refund_id).turn == pay.turn and book.succeed(refund_id, state.refund_id, uow.at):
        postings = paid_back_postings(*_amount(pay, book))
        key = f"{refund_id}:paid:{pay.turn}"
        post(uow, pay.refund.purchase, key, "refund", postings, book.get(refund_id).intent_id)
        note_arrival(uow, book, book.get(refund_id))


def _paid_by_hand(uow: UnitOfWork, pay: PayRefund) -> bool:
    book, refund_id = _book(uow, pay.refund), pay.refund.refund_id
    if book.pay_by_hand(refund_id, pay.by_hand, uow.at):
        postings = by_hand_postings(*_amount(pay, book))
        key = f"{refund_id}:paid:{pay.turn}"
        post(uow, pay.refund.purchase, key, "refund-by-hand", postings, book.get(refund_id).intent_id)
        note_arrival(uow, book, book.get(refund_id))
    return book.get(refund_id).state == "succeeded"


def _ended(known: Refund, pay: PayRefund) -> RefundStatus | None:
    """Return the status of a refund that a bank has paid, or whose attempt has failed; None while it is to be paid."""
    if known.state == "succeeded" and not (known.stripe_refund_id and known.due_minor):
        return RefundStatus(status="succeeded", turn=pay.turn)
    is_failed = known.turn > pay.turn or (pay.only_look and known.state == "failed")
    return _failed(known) if is_failed else None


def _failed(known: Refund) -> RefundStatus:
    failure = known.failure or "refused"
    return RefundStatus(status="failed", turn=known.turn - 1, failure=failure, uncovered=failure in UNCOVERED)
