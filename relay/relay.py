"""The relay: start or signal, later, whatever was recorded while the engine was unreachable. Run by the worker."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from activities.core.commands import DisputeRef, HoldRef, MintSubject, PurchaseRef
from activities.payouts.ports import PayoutRef, VenueRef
from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent
from domain.views.purchase import PurchaseKey, StalledPurchase
from relay.ports import PayoutStarter, PurchaseStatusReader, RelayEngine, StalledWork, UnhandledWebhooks
from relay.refunds import deliver_refund_event, ref_of

log = logging.getLogger(__name__)
TICK_SECONDS = 0.5
SETTLE_SECONDS = 3.0
RETRY_SECONDS = 15.0
FOREIGN_AFTER = timedelta(seconds=60)
BATCH_MAX = 50
AT_ONCE = 10
UNFINISHED_MAX = 1_000  # many may wait for one outage; the ones behind them must be seen too
SOLD = {"confirmed", "fulfilled"}


class Relay:
    """Repeats each task until it succeeds; a start of a running workflow changes nothing."""

    def __init__(
        self,
        engine: RelayEngine,
        webhooks: UnhandledWebhooks,
        stalled: StalledWork,
        events: PurchaseStatusReader,
        paymaster: PayoutStarter,
        *,
        longest_extension: timedelta,
    ) -> None:
        self._longest_extension = longest_extension
        self._paymaster = paymaster
        self._engine = engine
        self._webhooks = webhooks
        self._stalled = stalled
        self._events = events
        self._tried: dict[str, float] = {}
        self._cancelling: dict[str, float] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Work in ticks until stopped; a transient error delays a task to the next tick."""
        while not stopping.is_set():
            for task in (
                self.deliver_webhooks,
                self.resend_cancels,
                self.expire_queued,
                self.start_purchases,
                self.resume_purchases,
                self.start_refunds,
                self.start_cancellations,
                self.start_registrations,
                self.end_holds,
            ):
                await _retried_next_tick(task)
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def deliver_webhooks(self) -> None:
        """Deliver every waiting webhook event to its purchase, or open a payment case."""
        for webhook in await self._webhooks.unsignalled(BATCH_MAX):
            if await self._deliver(webhook):
                await self._webhooks.mark(webhook.event_id)

    async def resend_cancels(self) -> None:
        """Signal buyers' cancels again, since the first signal may have been lost.

        The API has signalled a cancel that was just recorded, and each signal costs a workflow task: wait first. A
        purchase without a workflow (its buyer cancelled before it began) is started, which releases its seats.
        """
        now, found = time.monotonic(), await self._stalled.cancelling(BATCH_MAX)
        cancelling = {str(purchase["purchase_id"]): purchase for purchase in found}
        self._cancelling = {purchase_id: self._cancelling.get(purchase_id, now) for purchase_id in cancelling}
        for purchase_id, since in self._cancelling.items():
            if now - since < SETTLE_SECONDS or not self._due(f"cancel {purchase_id}"):
                continue
            if await self._engine.buyer_cancelled(purchase_id) is False:
                await self._start_one(cancelling[purchase_id])

    async def start_purchases(self) -> None:
        """Start purchases that were requested and never started, oldest first."""
        self._forget_tries()
        await self._start(await self._stalled.requested(_ago(SETTLE_SECONDS), BATCH_MAX, list(self._tried)))

    async def expire_queued(self) -> None:
        """End purchases whose checkout did not open in time: nobody can have paid, and the seats are released."""
        for found in await self._stalled.queued_out(_ago(SETTLE_SECONDS), BATCH_MAX):
            await self._events.expire_queued(_ref(found))

    async def resume_purchases(self) -> None:
        """Start purchases again whose workflow was terminated.

        A running one is left alone. Any other repeats its steps, finds each one done in the events, and continues.
        """
        patience = self._longest_extension + timedelta(seconds=SETTLE_SECONDS)
        await self._start(await self._stalled.unfinished(datetime.now(UTC) - patience, UNFINISHED_MAX))

    async def _start(self, purchases: Sequence[StalledPurchase]) -> None:
        for first in range(0, len(purchases), AT_ONCE):
            await asyncio.gather(*(self._start_one(found) for found in purchases[first : first + AT_ONCE]))

    async def _start_one(self, found: StalledPurchase) -> None:
        purchase = _ref(found)
        show = await self._stalled.show(found["show_id"])
        if show is not None and self._due(purchase.purchase_id):
            await self._engine.start_purchase(purchase, found["show_id"], show["venue_id"])

    async def start_refunds(self) -> None:
        """Start refunds that have not arrived or whose tokens are not burnt; running ones are left alone."""
        for found in await self._stalled.refunding(_ago(SETTLE_SECONDS), UNFINISHED_MAX):
            if self._due(found["refund_id"]):
                await self._engine.start_refund(ref_of(found))

    async def start_cancellations(self) -> None:
        """Start the refunds of cancelled shows; running ones are left alone."""
        for show_id, tenant_id in await self._stalled.cancelling_shows(_ago(SETTLE_SECONDS), BATCH_MAX):
            if self._due(f"cancellation {show_id}"):
                await self._engine.start_cancellation(tenant_id, show_id)

    async def start_registrations(self) -> None:
        """Start registrations of venues and shows that were recorded and never started."""
        for kind, identity, tenant_id in await self._stalled.tokenless(_ago(SETTLE_SECONDS), BATCH_MAX):
            if self._due(identity):
                subject = MintSubject.model_validate({"tenant_id": tenant_id, "kind": kind, "subject_id": identity})
                await self._engine.register(subject)

    async def end_holds(self) -> None:
        """Start the expiry of the ticket API's holds whose time has passed."""
        for identity, tenant_id, until in await self._stalled.overdue(_ago(SETTLE_SECONDS), BATCH_MAX):
            if self._due(identity):
                await self._engine.watch_hold(HoldRef(tenant_id=tenant_id, reservation_id=identity, until=until))

    async def _deliver(self, webhook: WebhookEvent) -> bool:
        """Deliver one webhook event; return True when nothing is left to do."""
        if webhook.account_id is not None:
            return await self._deliver_to_venue(webhook, webhook.account_id)
        if webhook.is_about_refund:
            return await deliver_refund_event(webhook, self._engine, self._stalled)
        return await self._deliver_to_purchase(webhook)

    async def _deliver_to_purchase(self, webhook: WebhookEvent) -> bool:
        owner = await self._stalled.owner_of(webhook.intent_id) if webhook.intent_id else None
        purchase_id = owner["purchase_id"] if owner else webhook.purchase_id
        if purchase_id is None:
            return _is_foreign(webhook)
        if webhook.dispute_id is not None and owner is not None:
            return await self._engine.follow_dispute(DisputeRef(purchase=_ref(owner), dispute_id=webhook.dispute_id))
        told = await self._engine.look_again(purchase_id) if not webhook.is_refund_made_elsewhere else False
        if told is None:
            return False
        return (
            webhook.intent_id is None
            or not webhook.needs_an_owner
            or await self._owned(webhook, purchase_id, heard=told)
        )

    async def _owned(self, webhook: WebhookEvent, purchase_id: str, *, heard: bool) -> bool:
        """Signal the purchase of a payment, or open a payment case when it has ended."""
        events, intent_id = await self._events.look(purchase_id), str(webhook.intent_id)
        if events is None:
            return True
        waits = heard or (events.state in SOLD and not webhook.is_refund_made_elsewhere)
        if waits and events.intent_id == intent_id:
            return True
        purchase = PurchaseRef(tenant_id=events.tenant_id, purchase_id=purchase_id, attempt=events.attempt)
        return await self._engine.open_case(purchase, intent_id, events.show_id, events.venue_id)

    async def _deliver_to_venue(self, webhook: WebhookEvent, account_id: str) -> bool:
        found = await self._stalled.venue_of(account_id)
        if found is None:
            return _is_foreign(webhook)
        if webhook.is_about_account:
            return await self._paymaster.account_changed(VenueRef(tenant_id=found[0], venue_id=found[1]))
        if not webhook.is_about_payout or webhook.object_id is None:
            return True
        payout = PayoutRef(account_id=account_id, payout_id=webhook.object_id)
        return await self._paymaster.follow_payout(payout, webhook.event_id)

    def _due(self, identity: str) -> bool:
        """Say whether a start may be repeated now: the read models may only be behind."""
        self._forget_tries()
        if identity in self._tried:
            return False
        self._tried[identity] = time.monotonic()
        return True

    def _forget_tries(self) -> None:
        now = time.monotonic()
        self._tried = {known: at for known, at in self._tried.items() if now - at < RETRY_SECONDS}


def _is_foreign(webhook: WebhookEvent) -> bool:
    """Say whether a payment without a known purchase is not ours; the read models may only be behind."""
    return webhook.created is None or webhook.created < datetime.now(UTC) - FOREIGN_AFTER


def _ref(found: PurchaseKey) -> PurchaseRef:
    return PurchaseRef(tenant_id=found["tenant_id"], purchase_id=found["purchase_id"], attempt=found["attempt"])


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def _retried_next_tick(task: Callable[[], Awaitable[None]]) -> None:
    try:
        await task()
    except TransientError as transient:
        log.warning("relay waits: %s", transient)
    except Exception:  # one task's bug must not keep the others from their work; it stays visible in the log
        log.exception("relay task failed; continuing")
