"""What the relay needs: the engine, the inbox, what was left standing, and the events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from activities.core.commands import DisputeRef, HoldRef, MintSubject, PurchaseRef
from activities.payouts.ports import PayoutRef, VenueRef
from activities.sales.request_purchase import PurchaseStatus
from domain.payments.webhook_event import WebhookEvent
from relay.refunds import CancellationStarter, RefundStarter, StalledCancellations, StalledRefunds


class PayoutStarter(Protocol):
    """Who follows venues' accounts and payouts; False means that the engine could not be reached."""

    async def account_changed(self, venue: VenueRef) -> bool:
        """Tell a venue's onboarding of news."""

    async def follow_payout(self, payout: PayoutRef, event_id: str) -> bool:
        """Start the look at a payout."""


class DisputeStarter(Protocol):
    """The engine, as far as disputes go."""

    async def follow_dispute(self, dispute: DisputeRef) -> bool:
        """Start to follow a dispute, or tell whoever follows it to look again; False when nobody could be reached."""


class Starter(RefundStarter, CancellationStarter, Protocol):
    """The engine, as the relay needs it; False (or None for a signal) means that it could not be reached."""

    async def start_purchase(self, purchase: PurchaseRef, show_id: str, venue_id: str) -> bool:
        """Start a purchase unless it runs."""

    async def register(self, subject: MintSubject) -> bool:
        """Start a registration unless it runs."""

    async def watch_hold(self, hold: HoldRef) -> bool:
        """Start the end of a hold unless it runs."""

    async def open_case(self, purchase: PurchaseRef, intent_id: str, show_id: str, venue_id: str) -> bool:
        """Start the case of a payment that nobody waits for unless it runs."""

    async def look_again(self, purchase_id: str) -> bool | None:
        """Signal a purchase; False when it has ended or never was."""

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        """Tell a purchase of its buyer's cancel; the answer is as of `look_again`."""


class RelayEngine(Starter, DisputeStarter, Protocol):
    """All that the relay asks of the engine."""


class UnhandledWebhooks(Protocol):
    """The inbox of webhooks."""

    async def unsignalled(self, limit: int) -> Sequence[WebhookEvent]:
        """Return webhook events that nobody has acted on yet."""

    async def mark(self, event_id: str) -> None:
        """Say that a webhook event was acted on."""


class StalledWork(StalledRefunds, StalledCancellations, Protocol):
    """What was recorded and that nobody seems to work on."""

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Return purchases without an open checkout, oldest first, besides those that are named."""

    async def queued_out(self, before: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return purchases whose checkout should have opened."""

    async def unfinished(self, before: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return purchases without an end whose hold ran out before a time."""

    async def cancelling(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return purchases whose buyers' cancel was recorded and that have not ended."""

    async def tokenless(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str]]:
        """Return (kind, id, tenant) of venues and shows that are not ready."""

    async def overdue(self, before: datetime, limit: int) -> Sequence[tuple[str, str, datetime]]:
        """Return (id, tenant, until) of internal holds that should have ended."""

    async def owner_of(self, intent_id: str) -> Mapping[str, Any] | None:
        """Return tenant, purchase and attempt of an intent."""

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""

    async def show(self, show_id: str) -> Mapping[str, Any] | None:
        """Return a show."""


class Facts(Protocol):
    """How a purchase stands in the events."""

    async def look(self, purchase_id: str) -> PurchaseStatus | None:
        """Return how it stands, or None."""

    async def expire_queued(self, purchase: PurchaseRef) -> bool:
        """End an order whose checkout has not opened in time; False when it may still open."""
