"""News that Stripe could not bring: events whose webhooks nobody has taken."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from stripe import RequestOptions

from adapters.stripe.client import StripeConnection, listed
from adapters.stripe.webhook import read_event
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT, WebhookEvent


class StripeNews(StripeConnection):
    """Reads the account's events, or those of a venue's account; errors are the gateway's."""

    async def undelivered(self, since: datetime, until: datetime, account_id: str | None = None) -> list[WebhookEvent]:
        """Return what happened from one time to another and was not delivered, oldest first: pending, or given up."""
        params: Mapping[str, Any] = {
            "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
            # Twenty types at most may be asked for at once.
            "types": sorted(SUBSCRIBED if account_id is None else SUBSCRIBED_CONNECT),
            "delivery_success": False,
        }
        options: RequestOptions = {"stripe_account": account_id} if account_id is not None else {}
        call = partial(self._api.events.list_async, options=options)
        return [read_event(str(event).encode()) async for event in listed(call, params)][::-1]
