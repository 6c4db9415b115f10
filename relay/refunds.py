"""Refunds for the relay: what was decided and never begun is started, and the bank's news are passed on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from activities.core.commands import PurchaseRef, RefundRef
from domain.payments.webhook_event import WebhookEvent


class RefundStarter(Protocol):
    """The engine, as refunds need it."""

    async def start_refund(self, refund: RefundRef) -> bool:
        """Start a refund unless it runs; False when the engine could not be reached."""

    async def refund_news(self, refund_id: str) -> bool | None:
        """Tell a refund to look at Stripe; False when it has ended or never was, None when nobody answered."""


class CancellationStarter(Protocol):
    """The engine, as cancelled shows need it."""

    async def start_cancellation(self, tenant_id: str, show_id: str) -> bool:
        """Start giving a cancelled show back, unless it runs; False when the engine could not be reached."""


class StalledCancellations(Protocol):
    """Cancelled shows as the read models have them."""

    async def cancelling_shows(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Return (show, tenant) of cancellations that began before a time and are not finished."""


class StalledRefunds(Protocol):
    """Refunds as the read models have them."""

    async def refunding(self, before: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return refunds that have not succeeded since a time, oldest first, and those that have left a token there."""

    async def refund_of(self, stripe_refund_id: str) -> Mapping[str, Any] | None:
        """Return whose refund an object of Stripe's is, if it is one of ours."""


async def tell_of_refund(webhook: WebhookEvent, engine: RefundStarter, stalled: StalledRefunds) -> bool:
    """Pass news of a refund on; one that has ended is begun anew, since a refund can fail after it has succeeded.

    True when nothing is left to do; a refund that is not ours (made in the dashboard) is nobody's here.
    """
    found = await stalled.refund_of(webhook.object_id) if webhook.object_id else None
    if found is None:
        return True
    told = await engine.refund_news(found["refund_id"])
    return await engine.start_refund(ref_of(found)) if told is False else told is True


def ref_of(found: Mapping[str, Any]) -> RefundRef:
    """Return what a refund's workflow is started with."""
    purchase = PurchaseRef(tenant_id=found["tenant_id"], purchase_id=found["purchase_id"], attempt=found["attempt"])
    return RefundRef(
        purchase=purchase,
        refund_id=found["refund_id"],
        ticket_ids=tuple(found["ticket_ids"]),
        amount_minor=found["amount_minor"],
        resells=found.get("resells", False),
        in_cash=found.get("in_cash", False),
    )
