"""Read events whose webhooks were not delivered."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from stripe import RequestOptions

from adapters.stripe.client import StripeClient
from adapters.stripe.webhook import read_event
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT, WebhookEvent


class UndeliveredEvents:
    """Reads the undelivered events of our account, or of a venue's account."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def undelivered(self, since: datetime, until: datetime, account_id: str | None = None) -> list[WebhookEvent]:
        """Return the events of a period whose webhooks are pending or were given up, oldest first; none of others."""
        params: Mapping[str, Any] = {
            "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
            # Stripe accepts twenty types at most.
            "types": sorted(SUBSCRIBED if account_id is None else SUBSCRIBED_CONNECT),
            "delivery_success": False,
        }
        options: RequestOptions = {"stripe_account": account_id} if account_id is not None else {}
        call = partial(self._client.api.events.list_async, options=options)
        listed, deployment_id = self._client.list_all(call, params), self._client.deployment_id
        found = [read_event(str(event).encode(), deployment_id) async for event in listed]
        return [webhook for webhook in reversed(found) if not webhook.is_foreign]
