"""Verify a webhook's signature, and read its event into the values that the inbox keeps."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import stripe

from adapters.stripe.mapping import is_foreign
from domain.core.errors import WebhookForged
from domain.payments.webhook_event import WebhookEvent

AGE_SECONDS_MAX = 300


def verify_webhook(payload: bytes, signature_header: str, secrets: Sequence[str], deployment_id: str) -> WebhookEvent:
    """Check Stripe's signature over the raw body (at most five minutes old) and read the event.

    Raise WebhookForged unless the signature was made with one of the endpoints' secrets; empty secrets are ignored.
    `purchase_id` comes from the object's metadata and only webhook events at the owner, which our own events decide.
    """
    try:
        _check(payload, signature_header, [secret for secret in secrets if secret])
        return read_event(payload, deployment_id)
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError) as error:
        raise WebhookForged(f"the webhook's signature or event is invalid: {type(error).__name__}") from error


def _check(payload: bytes, signature_header: str, secrets: Sequence[str]) -> None:
    if not secrets:  # anybody could sign with an empty secret
        raise ValueError("no webhook secret is set")
    for secret in secrets[:-1]:
        with suppress(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(payload, signature_header, secret, AGE_SECONDS_MAX)
            return
    stripe.WebhookSignature.verify_header(payload, signature_header, secrets[-1], AGE_SECONDS_MAX)


def read_event(payload: bytes, deployment_id: str) -> WebhookEvent:
    """Read a Stripe event, as JSON, into the values that the inbox keeps; `deployment_id` is ours."""
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
        is_foreign=is_foreign(subject.get("metadata"), deployment_id),
        key=(subject.get("metadata") or {}).get("refund_key"),
    )


def _id_of(reference: Any) -> str | None:
    return reference.get("id") if isinstance(reference, dict) else reference
