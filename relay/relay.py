"""The relay: start or signal, later, whatever was recorded while the engine was unreachable. Run by the worker."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from activities.access.webhooks.deliver import EndpointRef
from activities.core.about import About
from activities.core.commands import CapacityChange, HoldRef, MintSubject, MintTicket, PurchaseRef, TreeRef
from activities.core.follow_ups import Matter
from activities.core.loops import each_subject, first_of
from activities.payouts.ports import PayoutRef
from domain.payments.webhook_event import WebhookEvent
from domain.views.purchase import SOLD_STATES, PurchaseKey, StalledClaim, StalledPurchase, StalledRefund
from relay.each import Each, attempt
from relay.follow_ups import FollowUps, utc_now
from relay.ports import PurchaseStatusReader, RelayEngine, StalledWork, UnhandledWebhooks
from relay.refunds import about_refund, about_show, deliver_refund_event, ref_of

log = logging.getLogger(__name__)
TICK_SECONDS = 0.5
SETTLE_SECONDS = 3.0
STANDS_SECONDS = 10.0  # twice as long as the API waits for a checkout
RETRY_SECONDS = 15.0
LETTERS_RETRY_SECONDS = 2.0  # one start sends what is due; the next buyer need not wait for long
UNKNOWN_SECONDS = 60.0  # the read models may be behind
# A dispute names its payment alone, and the news of that one may come later: by Stripe's next try, or by our poll.
UNKNOWN_DISPUTE_SECONDS = 3600.0
BATCH_MAX = 50
AT_ONCE = 10
UNFINISHED_MAX = 1_000  # many may wait for one outage; the ones behind them must be seen too


class Relay:
    """Repeats each task until it succeeds; a start of a running workflow changes nothing."""

    def __init__(
        self,
        engine: RelayEngine,
        webhooks: UnhandledWebhooks,
        stalled: StalledWork,
        events: PurchaseStatusReader,
        follow_ups: FollowUps,
        each: Each,
        *,
        longest_extension: timedelta,
        roots_every_seconds: float = 60,
        sends_letters: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._now = now
        self._clock = clock
        self._sends_letters = sends_letters
        self._roots_every_seconds = roots_every_seconds
        self._longest_extension = longest_extension
        self._follow_ups = follow_ups
        self._engine = engine
        self._webhooks = webhooks
        self._stalled = stalled
        self._events = events
        self._each = each
        self._tried: dict[str, float] = {}
        self._unknown: dict[str, float] = {}  # webhooks about something that nobody knows, and since when
        self._cancelling: dict[str, float] = {}
        self._line, self._moved_at = set[str](), 0.0

    async def tick(self) -> None:
        """Do every task once; one that fails is done again in the next tick."""
        for task in (
            self.deliver_webhooks,
            self.resend_cancels,
            self.expire_queued,
            self.start_purchases,
            self.resume_purchases,
            self.start_refunds,
            self.start_cancellations,
            self.start_registrations,
            self.start_claims,
            self.start_roots,
            self.start_deliveries,
            self.start_letters,
            self.end_holds,
            self.start_capacity_changes,
            self._follow_ups.resume,
        ):
            await attempt(task, "relay task")

    async def deliver_webhooks(self) -> None:
        """Deliver every waiting webhook event to its purchase, or open a payment case."""
        # They must not take the places of the ones behind them.
        behind = self._each.set_aside(self._deliver_one) + len(self._unknown)
        found = await self._webhooks.unsignalled(BATCH_MAX + behind)
        # Another worker may have marked what this one does not know.
        self._unknown = {one.event_id: self._unknown[one.event_id] for one in found if one.event_id in self._unknown}
        await self._each.run(self._deliver_one, found)

    @each_subject("deliver webhooks", lambda webhook: webhook.event_id)
    async def _deliver_one(self, webhook: WebhookEvent) -> None:
        if await self._deliver(webhook):
            await self._webhooks.mark(webhook.event_id)

    async def resend_cancels(self) -> None:
        """Signal buyers' cancels again, since the first signal may have been lost.

        The API has signalled a cancel that was just recorded, and each signal costs a workflow task: wait first. A
        purchase without a workflow (its buyer cancelled before it began) is started, which releases its seats.
        """
        now, behind = self._clock(), self._each.set_aside(self._resend_cancel)
        cancelling = {found["purchase_id"]: found for found in await self._stalled.cancelling(BATCH_MAX + behind)}
        self._cancelling = {purchase_id: self._cancelling.get(purchase_id, now) for purchase_id in cancelling}
        settled = [name for name, since in self._cancelling.items() if now - since >= SETTLE_SECONDS]
        await self._each.run(self._resend_cancel, [cancelling[name] for name in settled])

    @each_subject("resend cancels", lambda found: found["purchase_id"])
    async def _resend_cancel(self, found: StalledPurchase) -> None:
        purchase_id = found["purchase_id"]
        heard = await self._at_times(f"cancel {purchase_id}", partial(self._engine.buyer_cancelled, purchase_id))
        if heard is False:
            await self._start_one(found)

    async def start_purchases(self) -> None:
        """Start purchases that were requested and never started, oldest first; not while the API opens a long line."""
        self._forget_tries()
        found = await self._stalled.requested(self._ago(SETTLE_SECONDS), BATCH_MAX, list(self._tried))
        if not self._moves({purchase["purchase_id"] for purchase in found}):
            await self._start(found)

    def _moves(self, line: set[str]) -> bool:
        """Return whether a long line moves: checkouts of the oldest in it open, and not only those that began here.

        A start of one that the API is about to open costs the engine for nothing, just when there are the most.
        """
        now = self._clock()
        if not self._line or self._line - line - self._tried.keys():
            self._moved_at = now
        self._line = line if len(line) == BATCH_MAX else set()
        return bool(self._line) and now - self._moved_at < STANDS_SECONDS

    async def expire_queued(self) -> None:
        """End purchases whose checkout did not open in time: nobody can have paid, and the seats are released."""
        behind = self._each.set_aside(self._expire_one)
        await self._each.run(
            self._expire_one, await self._stalled.queued_out(self._ago(SETTLE_SECONDS), BATCH_MAX + behind)
        )

    @each_subject("expire queued orders", lambda found: found["purchase_id"])
    async def _expire_one(self, found: StalledPurchase) -> None:
        await self._events.expire_queued(_ref(found))

    async def resume_purchases(self) -> None:
        """Start purchases again whose workflow was terminated.

        A running one is left alone. Any other repeats its steps, finds each one done in the events, and continues.
        """
        patience = self._longest_extension + timedelta(seconds=SETTLE_SECONDS)
        await self._start(await self._stalled.unfinished(self._now() - patience, UNFINISHED_MAX))

    async def _start(self, purchases: Sequence[StalledPurchase]) -> None:
        await self._each.run(self._start_one, purchases, AT_ONCE)

    @each_subject("start purchases", lambda found: found["purchase_id"])
    async def _start_one(self, found: StalledPurchase) -> None:
        about, price = await about_show(self._stalled, found["show_id"]), found["price"]
        if not about.venue_id:
            return
        about = about._replace(purchase_id=found["purchase_id"])
        if price is not None:
            about = about._replace(amount_minor=price["total_minor"], currency=price["currency"])
        await self._at_times(found["purchase_id"], partial(self._engine.start_purchase, _ref(found), about))

    async def start_refunds(self) -> None:
        """Start refunds that have not arrived or whose tokens are not burnt; running ones are left alone."""
        await self._each.run(
            self._start_refund, await self._stalled.refunding(self._ago(SETTLE_SECONDS), UNFINISHED_MAX), AT_ONCE
        )

    @each_subject("start refunds", lambda found: found["refund_id"])
    async def _start_refund(self, found: StalledRefund) -> None:
        about = await about_refund(self._stalled, found)
        await self._at_times(found["refund_id"], partial(self._engine.start_refund, ref_of(found), about))

    async def start_cancellations(self) -> None:
        """Start the refunds of cancelled shows; running ones are left alone."""
        behind = self._each.set_aside(self._start_cancellation)
        found = await self._stalled.cancelling_shows(self._ago(SETTLE_SECONDS), BATCH_MAX + behind)
        await self._each.run(self._start_cancellation, found)

    @each_subject("start cancellations", first_of)
    async def _start_cancellation(self, found: tuple[str, str]) -> None:
        show_id, tenant_id = found
        start = partial(self._engine.start_cancellation, tenant_id, await about_show(self._stalled, show_id))
        await self._at_times(f"cancellation {show_id}", start)

    async def start_registrations(self) -> None:
        """Start registrations of venues and shows that were recorded and never started."""
        behind = self._each.set_aside(self._register_one)
        found = await self._stalled.tokenless(self._ago(SETTLE_SECONDS), BATCH_MAX + behind)
        await self._each.run(self._register_one, found)

    @each_subject("start registrations", lambda found: found[1])
    async def _register_one(self, found: tuple[str, str, str]) -> None:
        kind, identity, tenant_id = found
        subject = MintSubject.model_validate({"tenant_id": tenant_id, "kind": kind, "subject_id": identity})
        is_show = subject.kind == "show"
        about = await about_show(self._stalled, identity) if is_show else About(venue_id=identity)
        await self._at_times(identity, partial(self._engine.register, subject, about))

    async def start_claims(self) -> None:
        """Start claims that were recorded and are not done; running ones are left alone."""
        behind = self._each.set_aside(self._start_claim)
        await self._each.run(
            self._start_claim, await self._stalled.unclaimed(self._ago(SETTLE_SECONDS), BATCH_MAX + behind)
        )

    @each_subject("start claims", lambda found: found["ticket_id"])
    async def _start_claim(self, found: StalledClaim) -> None:
        claimed = MintTicket(purchase=_ref(found), ticket_id=found["ticket_id"])
        about = (await about_show(self._stalled, found["show_id"]))._replace(purchase_id=found["purchase_id"])
        await self._at_times(f"claim {claimed.ticket_id}", partial(self._engine.start_claim, claimed, about))

    async def start_roots(self) -> None:
        """Start to write the roots of trees whose changes have waited for long enough; running ones are left alone."""
        behind = self._each.set_aside(self._start_roots)
        found = await self._stalled.waiting_trees(self._ago(self._roots_every_seconds), BATCH_MAX + behind)
        await self._each.run(self._start_roots, found)

    @each_subject("start roots", first_of)
    async def _start_roots(self, found: tuple[str, str]) -> None:
        show_id, tenant_id = found
        tree, every = TreeRef(tenant_id=tenant_id, show_id=show_id), self._roots_every_seconds
        about = await about_show(self._stalled, show_id)
        await self._at_times(f"roots {show_id}", partial(self._engine.write_roots, tree, every, about))

    async def start_deliveries(self) -> None:
        """Start the deliveries to webhook endpoints that events wait for; running ones are left alone."""
        behind = self._each.set_aside(self._start_delivery)
        await self._each.run(self._start_delivery, await self._stalled.due_endpoints(BATCH_MAX + behind))

    @each_subject("start deliveries", first_of)
    async def _start_delivery(self, found: tuple[str, str, str]) -> None:
        endpoint_id, tenant_id, venue_id = found
        endpoint = EndpointRef(tenant_id=tenant_id, endpoint_id=endpoint_id)
        start = partial(self._engine.start_deliveries, endpoint, About(venue_id=venue_id))
        await self._at_times(f"deliveries {endpoint_id}", start)

    async def start_letters(self) -> None:
        """Start to send the letters to buyers that are due, where there is a mail server; no second time meanwhile."""
        if self._sends_letters:
            await self._each.run(self._start_letters, await self._stalled.due_letters(self._now()))

    @each_subject("start letters", str)
    async def _start_letters(self, name: str) -> None:
        await self._at_times(f"letters {name}", partial(self._engine.start_letters, name), LETTERS_RETRY_SECONDS)

    async def end_holds(self) -> None:
        """Start the expiry of the ticket API's holds whose time has passed."""
        behind = self._each.set_aside(self._end_hold)
        await self._each.run(self._end_hold, await self._stalled.overdue(self._ago(SETTLE_SECONDS), BATCH_MAX + behind))

    @each_subject("end holds", first_of)
    async def _end_hold(self, found: tuple[str, str, str, datetime]) -> None:
        identity, tenant_id, show_id, until = found
        hold = HoldRef(tenant_id=tenant_id, reservation_id=identity, until=until)
        about = await about_show(self._stalled, show_id)
        await self._at_times(identity, partial(self._engine.watch_hold, hold, about))

    async def start_capacity_changes(self) -> None:
        """Start changes of capacities that are under way; running ones are left alone."""
        behind = self._each.set_aside(self._start_capacity_change)
        await self._each.run(self._start_capacity_change, await self._stalled.changing_capacity(BATCH_MAX + behind))

    @each_subject("start capacity changes", first_of)
    async def _start_capacity_change(self, found: tuple[str, str, int]) -> None:
        show_id, tenant_id, number = found
        change = CapacityChange(tenant_id=tenant_id, show_id=show_id, number=number)
        about = await about_show(self._stalled, show_id)
        await self._at_times(f"capacity {show_id}", partial(self._engine.change_capacity, change, about))

    async def _deliver(self, webhook: WebhookEvent) -> bool:
        """Deliver one webhook event; return True when nothing is left to do."""
        if webhook.account_id is not None:
            return await self._deliver_to_venue(webhook, webhook.account_id)
        if webhook.is_about_refund:
            told = await deliver_refund_event(webhook, self._engine, self._stalled)
            return self._is_foreign(webhook) if told is None else told
        return await self._deliver_to_purchase(webhook)

    async def _deliver_to_purchase(self, webhook: WebhookEvent) -> bool:
        owner = await self._stalled.owner_of(webhook.intent_id) if webhook.intent_id else None
        purchase_id = owner["purchase_id"] if owner else webhook.purchase_id
        if purchase_id is None:
            return self._is_foreign(webhook)
        if webhook.dispute_id is not None and owner is not None:
            purchase = _ref(owner).model_dump()
            return await self._follow_ups.tell(Matter(kind="dispute", subject_id=webhook.dispute_id, **purchase))
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
        waits = heard or (events.state in SOLD_STATES and not webhook.is_refund_made_elsewhere)
        if waits and events.intent_id == intent_id:
            return True
        owner = {"tenant_id": events.tenant_id, "purchase_id": events.purchase_id, "attempt": events.attempt}
        place = {"show_id": events.show_id, "venue_id": events.venue_id}
        return await self._follow_ups.tell(Matter(kind="payment-case", subject_id=intent_id, **owner, **place))

    async def _deliver_to_venue(self, webhook: WebhookEvent, account_id: str) -> bool:
        found = await self._stalled.venue_of(account_id)
        if found is None:
            return self._is_foreign(webhook)
        owner = {"tenant_id": found[0], "venue_id": found[1], "account_id": account_id}
        if webhook.is_about_account:
            return await self._follow_ups.tell(Matter(kind="onboarding", subject_id=found[1], **owner))
        if not webhook.is_about_payout or webhook.object_id is None:
            return True
        payout = PayoutRef(account_id=account_id, payout_id=webhook.object_id, event_id=webhook.event_id)
        return await self._follow_ups.tell(Matter(kind="payout", subject_id=payout.subject_id, **owner))

    def _is_foreign(self, webhook: WebhookEvent) -> bool:
        """Say whether something that nobody knows is not ours; it counts from our first look, however old it is."""
        now = self._clock()
        patience = UNKNOWN_SECONDS if webhook.dispute_id is None else UNKNOWN_DISPUTE_SECONDS
        return now - self._unknown.setdefault(webhook.event_id, now) >= patience

    async def _at_times(
        self, identity: str, act: Callable[[], Awaitable[bool | None]], seconds: float = RETRY_SECONDS
    ) -> bool | None:
        """Act unless that was done a moment ago: the read models may only be behind. One that fails was not done."""
        self._forget_tries()
        if identity in self._tried:
            return None
        done = await act()
        self._tried[identity] = self._clock() + seconds
        return done

    def _ago(self, seconds: float) -> datetime:
        return self._now() - timedelta(seconds=seconds)

    def _forget_tries(self) -> None:
        now = self._clock()
        self._tried = {known: until for known, until in self._tried.items() if now < until}


def _ref(found: PurchaseKey) -> PurchaseRef:
    return PurchaseRef(tenant_id=found["tenant_id"], purchase_id=found["purchase_id"], attempt=found["attempt"])
