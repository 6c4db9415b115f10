"""Fetch the webhook events that Stripe could not deliver, and put them into the inbox."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from activities.core.loops import each_subject
from domain.payments.webhook_event import WebhookEvent
from relay.each import Each

LOOK_BACK = timedelta(days=3)  # as long as Stripe itself tries
OVERLAP = timedelta(minutes=1)  # Stripe's clock is not ours
ACCOUNTS_AT_ONCE = 10
log = logging.getLogger(__name__)


class UndeliveredEventsReader(Protocol):
    """Reads Stripe's undelivered webhook events."""

    async def undelivered(
        self, since: datetime, until: datetime, account_id: str | None = None
    ) -> Sequence[WebhookEvent]:
        """Return the undelivered events of a time span, of a venue's account or (None) our own."""


class WebhookStore(Protocol):
    """Stores webhook events."""

    async def store(self, webhook: WebhookEvent) -> bool:
        """Store a webhook event; False when it is known."""


class VenueAccounts(Protocol):
    """The venues' accounts at Stripe."""

    async def accounts(self, after: str, limit: int) -> Sequence[str]:
        """Return account ids in order, after a given one."""


class UndeliveredWebhooks:
    """Polls for undelivered events older than one interval: a younger webhook may still arrive.

    Polls our own account each time and the venues' accounts in turn.
    """

    def __init__(
        self,
        news: UndeliveredEventsReader,
        inbox: WebhookStore,
        accounts: VenueAccounts,
        each: Each,
        *,
        every_seconds: float,
    ) -> None:
        self._news = news
        self._inbox = inbox
        self._accounts = accounts
        self._each = each
        self._every = timedelta(seconds=every_seconds)
        self._seen: dict[str | None, datetime] = {}
        self._turn = ""

    async def fetch(self) -> int:
        """Store undelivered events; return how many were new. An account that cannot be polled only delays itself."""
        own = await self._each.run(self._fetch, [None])
        accounts = await self._accounts.accounts(self._turn, ACCOUNTS_AT_ONCE)
        self._turn = accounts[-1] if len(accounts) == ACCOUNTS_AT_ONCE else ""
        return sum(own) + sum(await self._each.run(self._fetch, accounts))

    @each_subject("fetch undelivered webhooks", lambda account_id: account_id or "our own account")
    async def _fetch(self, account_id: str | None) -> int:
        """Store an account's undelivered events; its next look begins here only if all of them are stored."""
        until = datetime.now(UTC) - self._every
        since = max(self._seen.get(account_id, until - LOOK_BACK), until - LOOK_BACK) - OVERLAP
        found = await self._news.undelivered(since, until, account_id)
        stored = await self._each.run(self._store, found)
        fresh = [kind for kind in stored if kind]
        if len(stored) == len(found):
            self._seen[account_id] = until
        if fresh:
            log.warning("%d webhooks had not been delivered: %s", len(fresh), ", ".join(sorted(set(fresh))))
        return len(fresh)

    @each_subject("store undelivered webhooks", lambda webhook: webhook.event_id)
    async def _store(self, webhook: WebhookEvent) -> str:
        """Store an event; return its type when it is new."""
        return webhook.type if await self._inbox.store(webhook) else ""
