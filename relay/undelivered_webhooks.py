"""Fetch the webhook events that Stripe could not deliver, and put them into the inbox."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.core.transient import TransientError
from domain.payments.webhook_event import WebhookEvent

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
        self, news: UndeliveredEventsReader, inbox: WebhookStore, accounts: VenueAccounts, every_seconds: float
    ) -> None:
        self._news = news
        self._inbox = inbox
        self._accounts = accounts
        self._every = timedelta(seconds=every_seconds)
        self._seen: dict[str | None, datetime] = {}
        self._turn = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Poll until stopped; a transient error only delays."""
        while not stopping.is_set():
            try:
                await self.fetch()
            except TransientError as transient:
                log.warning("undelivered webhooks could not be listed; retrying: %s", transient)
            except Exception:  # a refused call or a bug stays visible in the log, and the next look is made
                log.exception("undelivered webhooks could not be listed")
            try:
                async with asyncio.timeout(self._every.total_seconds()):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def fetch(self) -> int:
        """Store undelivered events; return how many were new."""
        until = datetime.now(UTC) - self._every
        found = await self._fetch(None, until)
        accounts = await self._accounts.accounts(self._turn, ACCOUNTS_AT_ONCE)
        self._turn = accounts[-1] if len(accounts) == ACCOUNTS_AT_ONCE else ""
        for account_id in accounts:
            found += await self._fetch(account_id, until)
        return found

    async def _fetch(self, account_id: str | None, until: datetime) -> int:
        since = self._seen.get(account_id, until - LOOK_BACK) - OVERLAP
        found = await self._news.undelivered(since, until, account_id)
        fresh = [webhook.type for webhook in found if await self._inbox.store(webhook)]
        self._seen[account_id] = until
        if fresh:
            log.warning("%d webhooks had not been delivered: %s", len(fresh), ", ".join(sorted(set(fresh))))
        return len(fresh)
