"""Ports of the relay: the engine, the webhook inbox, stalled work and purchase statuses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from activities.access.webhooks.deliver import EndpointRef
from activities.core.about import About
from activities.core.commands import CapacityChange, HoldRef, MintSubject, MintTicket, PurchaseRef, TreeRef
from domain.payments.webhook_event import WebhookEvent
from domain.views.purchase import PurchaseKey, StalledClaim, StalledPurchase
from relay.follow_ups import PurchaseLook
from relay.refunds import RefundStarter, StalledRefunds


class RelayEngine(RefundStarter, Protocol):
    """Starts and signals workflows; False (None for a signal) means that the engine is unreachable."""

    async def start_purchase(self, purchase: PurchaseRef, about: About) -> bool:
        """Start a purchase unless it runs."""

    async def start_claim(self, claimed: MintTicket, about: About) -> bool:
        """Start the delivery of a claim unless it runs."""

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        """Start the refunds of a cancelled show unless they run."""

    async def register(self, subject: MintSubject, about: About) -> bool:
        """Start a registration unless it runs."""

    async def write_roots(self, tree: TreeRef, every_seconds: float, about: About) -> bool:
        """Start to write a tree's roots unless that runs."""

    async def start_deliveries(self, endpoint: EndpointRef, about: About) -> bool:
        """Start the deliveries to a webhook endpoint unless they run."""

    async def start_letters(self, sender: str) -> bool:
        """Start a sender of letters unless it runs."""

    async def watch_hold(self, hold: HoldRef, about: About) -> bool:
        """Start the end of a hold unless it runs."""

    async def change_capacity(self, change: CapacityChange, about: About) -> bool:
        """Start a change of a show's capacities unless it runs."""

    async def look_again(self, purchase_id: str) -> bool | None:
        """Signal a purchase to look at its payment; False when it has ended or never existed."""

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        """Signal a purchase that its buyer cancelled; answers as `look_again`."""


class UnhandledWebhooks(Protocol):
    """Webhook events in the inbox that were not acted on yet."""

    async def unsignalled(self, limit: int) -> Sequence[WebhookEvent]:
        """Return webhook events that were not acted on yet."""

    async def mark(self, event_id: str) -> None:
        """Mark a webhook event as acted on."""


class StalledWork(StalledRefunds, Protocol):
    """Recorded work without a workflow that makes progress on it."""

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Sequence[StalledPurchase]:
        """Return purchases without an open checkout, oldest first, except those in `besides`."""

    async def queued_out(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        """Return purchases whose checkout did not open in time."""

    async def unfinished(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        """Return purchases that have not ended although their hold expired before a time."""

    async def cancelling(self, limit: int) -> Sequence[StalledPurchase]:
        """Return purchases that their buyers cancelled and that have not ended."""

    async def cancelling_shows(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Return (show, tenant) of cancellations that began before a time and are not finished."""

    async def unclaimed(self, before: datetime, limit: int) -> Sequence[StalledClaim]:
        """Return claims that were recorded before a time and are not done, oldest first."""

    async def tokenless(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str]]:
        """Return (kind, id, tenant) of venues and shows that are not ready."""

    async def waiting_trees(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Return (show, tenant) of trees with a change from before a time that is not on chain or not settled."""

    async def due_endpoints(self, limit: int) -> Sequence[tuple[str, str, str]]:
        """Return (endpoint, tenant, venue) of webhook endpoints that events wait for, or that failed for long."""

    async def due_letters(self, at: datetime) -> Sequence[str]:
        """Return the name of the sender of letters if any is due, or events were not looked at, else nothing."""

    async def overdue(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str, datetime]]:
        """Return (id, tenant, show, until) of internal holds that should have ended."""

    async def changing_capacity(self, limit: int) -> Sequence[tuple[str, str, int]]:
        """Return (show, tenant, number) of changes of capacities that are under way."""

    async def owner_of(self, intent_id: str) -> PurchaseKey | None:
        """Return tenant, purchase and attempt of an intent."""

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""


class PurchaseStatusReader(PurchaseLook, Protocol):
    """Purchase statuses, and the end of orders in the queue."""

    async def expire_queued(self, purchase: PurchaseRef) -> bool:
        """End an order whose checkout has not opened in time; False when it may still open."""
