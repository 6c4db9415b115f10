"""Webhooks: a body that Stripe signed, read into the few values that the inbox keeps."""

import hashlib
import json
from typing import Any

import stripe
from pydantic import BaseModel, ConfigDict

AGE_SECONDS_MAX = 300


class WebhookForged(Exception):  # noqa: N818 - what it says about the sender is enough of a name
    """The signature is absent, wrong or too old, or the body is no event: answer 400 and store nothing."""


class WebhookEvent(BaseModel):
    """What is kept of an event; the body itself holds billing details and is not. `digest` is its SHA-256 in hex."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    type: str
    object_id: str
    created: int
    digest: str
    purchase_id: str | None = None
    payment_intent_id: str | None = None


def verify_webhook(payload: bytes, signature_header: str, secret: str) -> WebhookEvent:
    """Check Stripe's signature over the raw body (at most five minutes old) and read the event; else `WebhookForged`.

    `purchase_id` is a hint from the object's metadata: who the payment belongs to is told by our own stored facts.
    """
    try:
        stripe.WebhookSignature.verify_header(payload, signature_header, secret, AGE_SECONDS_MAX)
        return _read_event(json.loads(payload), hashlib.sha256(payload).hexdigest())
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError) as error:
        raise WebhookForged(type(error).__name__) from error


def _read_event(event: dict[str, Any], digest: str) -> WebhookEvent:
    subject = event["data"]["object"]
    is_intent = subject.get("object") == "payment_intent"
    return WebhookEvent(
        event_id=event["id"],
        type=event["type"],
        object_id=subject["id"],
        created=event["created"],
        digest=digest,
        purchase_id=(subject.get("metadata") or {}).get("purchase_id"),
        payment_intent_id=subject["id"] if is_intent else _id_of(subject.get("payment_intent")),
    )


def _id_of(reference: Any) -> str | None:
    return reference.get("id") if isinstance(reference, dict) else reference
