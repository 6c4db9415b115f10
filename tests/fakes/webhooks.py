"""The simplest signature of a webhook."""

import hashlib
import json
from typing import Any

from domain.core.errors import WebhookForged
from domain.payments.webhook_event import WebhookEvent


def verify(payload: bytes, signature: str) -> WebhookEvent:
    """Accept the signature `genuine`, refuse any other."""
    if signature != "genuine":
        raise WebhookForged("the signature is wrong")
    event: dict[str, Any] = json.loads(payload)
    return WebhookEvent(
        event_id=event["id"],
        type=event["type"],
        object_id=event.get("intent"),
        intent_id=event.get("intent"),
        purchase_id=event.get("purchase"),
        created=None,
        digest=hashlib.sha256(payload).hexdigest(),
        is_foreign=event.get("deployment") is not None,
    )
