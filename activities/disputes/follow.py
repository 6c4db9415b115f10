"""The steps of a dispute: read it, block the tickets of a disputed sale, and post its amounts."""

from typing import Protocol

from activities.books.post import loss_key, payee_of, post
from activities.core.commands import DisputeRef
from activities.core.follow_ups import close_follow_up
from activities.core.ports import EventStore
from activities.core.task_queues import STRIPE, activity_on
from activities.disputes.lookup import is_of_sale, other_holdings, sale_holdings
from activities.sales.order import tickets_of
from activities.sales.payment_lookup import note_arrival
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import Posting
from domain.orders.order import Order
from domain.payments.dispute import (
    Dispute,
    DisputeOpened,
    DisputeStatus,
    fee_postings,
    lost_postings,
    opened_postings,
    returned_postings,
    won_postings,
)
from domain.payments.disputed_refunds import owe_again, pay_by_bank
from domain.payments.refunds import Refunds
from domain.payouts.payee import Payee
from domain.payouts.transfer import Transfer

ENDS = {"won", "lost", "closed"}


class Disputes(Protocol):
    """Stripe's disputes."""

    async def retrieve_dispute(self, dispute_id: str) -> DisputeStatus:
        """Read a dispute."""


class DisputeActivities:
    """Records the status of a dispute at Stripe. Idempotent: each event and posting is made once."""

    def __init__(self, store: EventStore, disputes: Disputes) -> None:
        self._store = store
        self._disputes = disputes

    @activity_on(STRIPE, name="look_at_dispute")
    async def look_at_dispute(self, ref: DisputeRef) -> str:
        """Record a dispute's changes; return its status: `won`, `lost` and `closed` are final."""
        seen = await self._disputes.retrieve_dispute(ref.dispute_id)
        if seen.is_withdrawn:
            await self._store.commit(lambda uow: _follow(uow, ref, seen))
        if seen.status in ENDS:
            await close_follow_up(self._store, "dispute", ref.dispute_id, seen.status)
        return seen.status


def _follow(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus) -> None:
    order = uow.get(Order, ref.purchase.purchase_id)
    dispute = uow.find(Dispute, ref.dispute_id) or _open(uow, ref, seen, order)
    if dispute.state == "open":
        if seen.outcome == "open":
            return
        decide = _win if seen.outcome == "won" else _lose
        decide(uow, ref, seen, dispute)
    _take_back(uow, ref, seen, dispute)
    _note_arrival(uow, dispute, seen)


def _open(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus, order: Order) -> Dispute:
    """Record who held what the bank takes of the charge; a dispute of the sale's own payment blocks its tickets."""
    of_sale = is_of_sale(uow, order, seen.intent_id)
    holdings = sale_holdings(uow, order) if of_sale else other_holdings(uow, ref.purchase, seen.intent_id)
    dispute = uow.add(
        Dispute.begin(
            DisputeOpened,
            ref.dispute_id,
            uow.at,
            tenant_id=ref.purchase.tenant_id,
            purchase_id=order.identity,
            venue_id=order.venue_id or "",
            parts=holdings.taken(seen.amount_minor, seen.currency).plain(),
            is_of_sale=of_sale,
            **seen.model_dump(include={"currency", "amount_minor", "charge_id", "intent_id"}),
        )
    )
    _post(uow, ref, dispute, "opened", opened_postings(dispute, seen.fee_minor))
    for ticket in tickets_of(uow, ref.purchase) if of_sale else ():
        ticket.block(ref.dispute_id, uow.at)
    return dispute


def _win(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus, dispute: Dispute) -> None:
    dispute.win(seen.returned_minor, uow.at)
    _post(uow, ref, dispute, "won", won_postings(dispute, seen.fee_back_minor))
    for ticket in tickets_of(uow, ref.purchase):
        ticket.unblock(ref.dispute_id, uow.at)


def _lose(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus, dispute: Dispute) -> None:
    """Record the loss: refunds that we owed are paid by the bank, and a share that was sent is the venue's debt."""
    book = uow.find(Refunds, dispute.purchase_id)
    owed, payment = dispute.taken.owed_minor, _payment_of(dispute, seen)
    paid = pay_by_bank(book, ref.dispute_id, payment, owed, uow.at) if book is not None and owed else 0
    dispute.lose(paid, uow.at)
    _post(uow, ref, dispute, "lost", lost_postings(dispute))
    sent, lost = uow.find(Transfer, dispute.purchase_id), dispute.taken.parties.venue_minor
    is_with_us = sent is None or sent.state == "refused"
    if lost and not is_with_us:
        payee = payee_of(uow, ref.purchase.tenant_id, dispute.venue_id)
        payee.note_shortfall(loss_key(ref.dispute_id), dispute.currency, lost, uow.at)


def _take_back(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus, dispute: Dispute) -> None:
    """Give what Stripe returned since the decision back to those who had borne it."""
    if dispute.state == "lost" and seen.fee_back_minor:
        _post(uow, ref, dispute, "fee-returned", fee_postings(dispute, seen.fee_back_minor))
    amount = seen.returned_minor - dispute.returned_minor
    if amount <= 0:
        return
    payee = uow.find(Payee, dispute.venue_id)
    is_sent = uow.find(Transfer, dispute.purchase_id) is not None
    is_deducted = payee is not None and (is_sent or loss_key(ref.dispute_id) in payee.keys)
    back = dispute.take_back(amount, uow.at, venue_is_owed=is_deducted)
    step = f"returned:{seen.returned_minor}"
    key = f"{ref.dispute_id}:{step}"
    _post(uow, ref, dispute, step, returned_postings(dispute, amount, back))
    if back.owed_minor:
        book = uow.get(Refunds, dispute.purchase_id)
        owe_again(book, ref.dispute_id, key, _payment_of(dispute, seen), back.owed_minor, uow.at)
    if payee is not None and is_deducted and back.parties.venue_minor:
        payee.note_shortfall(key, dispute.currency, -back.parties.venue_minor, uow.at)


def _note_arrival(uow: UnitOfWork, dispute: Dispute, seen: DisputeStatus) -> None:
    """Record whether a payment that bought nothing is back with its buyer, by refunds or by the bank."""
    book = uow.find(Refunds, dispute.purchase_id)
    if book is None:
        return
    for refund in book.of_payment(*_payment_of(dispute, seen))[-1:]:
        note_arrival(uow, book, refund)


def _payment_of(dispute: Dispute, seen: DisputeStatus) -> tuple[str, ...]:
    """Return the ids by which refunds name the disputed payment: of the sale, none, and the intent for parts."""
    return ("", seen.intent_id) if dispute.is_of_sale else (dispute.intent_id,)


def _post(uow: UnitOfWork, ref: DisputeRef, dispute: Dispute, step: str, postings: tuple[Posting, ...]) -> None:
    if postings:
        kind = f"dispute-{step.partition(':')[0]}"
        post(uow, ref.purchase, f"{ref.dispute_id}:{step}", kind, postings, intent_id=dispute.intent_id)
