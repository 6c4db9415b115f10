"""Start refunds that were decided and never begun, and deliver their webhook events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from activities.core.about import About
from activities.core.commands import PurchaseRef, RefundRef
from domain.payments.webhook_event import WebhookEvent
from domain.views.catalog import ShowOwner
from domain.views.purchase import StalledRefund


class RefundStarter(Protocol):
    """Starts and signals the workflows of refunds."""

    async def start_refund(self, refund: RefundRef, about: About) -> bool:
        """Start a refund unless it runs; False when the engine is unreachable."""

    async def refund_news(self, refund_id: str) -> bool | None:
        """Signal a refund to look at Stripe; False when it has ended or never existed, None when unreachable."""


class Shows(Protocol):
    """Shows in the read models."""

    async def show(self, show_id: str) -> ShowOwner | None:
        """Return a show."""


class StalledRefunds(Shows, Protocol):
    """Refunds in the read models that are not finished."""

    async def refunding(self, before: datetime, limit: int) -> Sequence[StalledRefund]:
        """Return refunds that have not succeeded since a time, oldest first, and those whose tokens are not burnt."""

    async def refund_of(self, stripe_refund_id: str) -> StalledRefund | None:
        """Return our refund of a Stripe refund id, or None."""


async def deliver_refund_event(webhook: WebhookEvent, engine: RefundStarter, stalled: StalledRefunds) -> bool | None:
    """Signal a refund, or start it again: a refund can fail at the bank after it succeeded.

    Return True when nothing is left to do, None for a refund that nobody knows: its events may not be recorded yet.
    """
    if not webhook.object_id:
        return True
    found = await stalled.refund_of(webhook.object_id)
    if found is None:
        return None
    told = await engine.refund_news(found["refund_id"])
    if told is False:
        return await engine.start_refund(ref_of(found), await about_refund(stalled, found))
    return told is True


async def about_show(shows: Shows, show_id: str) -> About:
    """Return a show and its venue, for operators; without its venue where the read models are behind."""
    show = await shows.show(show_id)
    return About(show_id=show_id, venue_id=show["venue_id"] if show else "", show_name=show["name"] if show else "")


async def about_refund(shows: Shows, found: StalledRefund) -> About:
    """Return a refund's purchase, show and amount, for operators."""
    about = await about_show(shows, found["show_id"])
    return about._replace(
        purchase_id=found["purchase_id"], amount_minor=found["amount_minor"], currency=found["currency"]
    )


def ref_of(found: StalledRefund) -> RefundRef:
    """Return the input of a refund's workflow."""
    purchase = PurchaseRef(tenant_id=found["tenant_id"], purchase_id=found["purchase_id"], attempt=found["attempt"])
    return RefundRef(
        purchase=purchase,
        refund_id=found["refund_id"],
        ticket_ids=tuple(found["ticket_ids"]),
        amount_minor=found["amount_minor"],
        resells=found["resells"],
        in_cash=found["in_cash"],
    )
