"""The steps of a dispute: read it, block its tickets, and post its amounts."""

from typing import Protocol

from activities.books.post import loss_key, payee_of, post
from activities.core.commands import DisputeRef
from activities.core.ports import EventStore
from activities.core.task_queues import STRIPE, activity_on
from activities.sales.order import tickets_of
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.payments.dispute import (
    Dispute,
    DisputeOpened,
    DisputeStatus,
    disputed_breakdown,
    lost_postings,
    opened_postings,
    won_postings,
)
from domain.payouts.transfer import Transfer


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
        return seen.status


def _follow(uow: UnitOfWork, ref: DisputeRef, seen: DisputeStatus) -> None:
    order = uow.get(Order, ref.purchase.purchase_id)
    if not order.is_sold or order.price is None or order.venue_id is None:
        raise TransientError("the disputed sale is not recorded yet")
    dispute = uow.find(Dispute, ref.dispute_id)
    tickets = tickets_of(uow, ref.purchase)
    if dispute is None:
        events = {"tenant_id": ref.purchase.tenant_id, "purchase_id": order.identity, "venue_id": order.venue_id}
        money = {"currency": seen.currency, "amount_minor": seen.amount_minor}
        parts = disputed_breakdown(order.price, seen.amount_minor).model_dump()
        dispute = uow.add(Dispute.begin(DisputeOpened, ref.dispute_id, uow.at, parts=parts, **money, **events))
        post(
            uow,
            ref.purchase,
            f"{ref.dispute_id}:opened",
            "dispute-opened",
            opened_postings(dispute, seen.fee_minor),
        )
        for ticket in tickets:
            ticket.block(ref.dispute_id, uow.at)
    if seen.status not in {"won", "lost"} or dispute.state != "open":
        return
    won = seen.status == "won"
    dispute.decide(won=won, at=uow.at)
    postings = won_postings(dispute, seen.fee_back_minor) if won else lost_postings(dispute)
    post(uow, ref.purchase, f"{ref.dispute_id}:{seen.status}", f"dispute-{seen.status}", postings)
    for ticket in tickets if won else ():
        ticket.unblock(ref.dispute_id, uow.at)
    sent = uow.find(Transfer, order.identity)
    is_with_us = sent is None or sent.state == "refused"
    if not won and dispute.parts.venue_minor and not is_with_us:
        # The share was transferred already: deduct the lost amount from the venue's next transfers.
        payee, lost = payee_of(uow, order.tenant_id, order.venue_id), dispute.parts.venue_minor
        payee.note_shortfall(loss_key(ref.dispute_id), dispute.currency, lost, uow.at)
