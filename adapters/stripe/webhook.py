"""Webhooks: a body that Stripe signed, read into the few values that the inbox keeps."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import stripe

from domain.core.errors import WebhookForged
from domain.payments.webhook_event import WebhookEvent

AGE_SECONDS_MAX = 300


def verify_webhook(payload: bytes, signature_header: str, secrets: Sequence[str]) -> WebhookEvent:
    """Check Stripe's signature over the raw body (at most five minutes old) and read the event; else `WebhookForged`.

    One of the endpoints' secrets must have made it; an unset one is none.
    `purchase_id` comes from the object's metadata and is a hint only: our own stored events say whose the payment is.
    """
    try:
        _check(payload, signature_header, [secret for secret in secrets if secret])
        return read_event(payload)
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError) as error:
        raise WebhookForged(f"the signature or the event is not Stripe's: {type(error).__name__}") from error


def _check(payload: bytes, signature_header: str, secrets: Sequence[str]) -> None:
    if not secrets:  # an empty one could be used by anybody
        raise ValueError("no webhook secret is set")
    for secret in secrets[:-1]:
        with suppress(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(payload, signature_header, secret, AGE_SECONDS_MAX)
            return
    stripe.WebhookSignature.verify_header(payload, signature_header, secrets[-1], AGE_SECONDS_MAX)


def read_event(payload: bytes) -> WebhookEvent:
    """Read an event of Stripe's, as JSON, into what the inbox keeps."""
    event = json.loads(payload)
    subject = event["data"]["object"]
    is_intent = subject.get("object") == "payment_intent"
    return WebhookEvent(
        event_id=event["id"],
        type=event["type"],
        object_id=subject["id"],
        intent_id=subject["id"] if is_intent else _id_of(subject.get("payment_intent")),
        purchase_id=(subject.get("metadata") or {}).get("purchase_id"),
        created=datetime.fromtimestamp(event["created"], UTC),
        digest=hashlib.sha256(payload).hexdigest(),
        account_id=event.get("account"),
        key=(subject.get("metadata") or {}).get("refund_key"),
    )


def _id_of(reference: Any) -> str | None:
    return reference.get("id") if isinstance(reference, dict) else reference
