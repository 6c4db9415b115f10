"""Verify a webhook's signature, and read its event, of whatever shape, into the values that the inbox keeps."""

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
TEXT_CHARS_MAX = 255
UNREADABLE = "unreadable"
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def verify_webhook(payload: bytes, signature_header: str, secrets: Sequence[str], deployment_id: str) -> WebhookEvent:
    """Check Stripe's signature over the raw body (at most five minutes old) and read the event.

    Raise WebhookForged unless the signature was made with one of the endpoint's secrets, and for no other reason.
    `purchase_id` comes from the object's metadata and only webhook events at the owner, which our own events decide.
    """
    try:
        _check(payload, signature_header, [secret for secret in secrets if secret])
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise WebhookForged(f"the webhook's signature is invalid: {type(error).__name__}") from error
    return read_event(payload, deployment_id)


def _check(payload: bytes, signature_header: str, secrets: Sequence[str]) -> None:
    if not secrets:  # anybody could sign with an empty secret
        raise ValueError("no webhook secret is set")
    for secret in secrets[:-1]:
        with suppress(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(payload, signature_header, secret, AGE_SECONDS_MAX)
            return
    stripe.WebhookSignature.verify_header(payload, signature_header, secrets[-1], AGE_SECONDS_MAX)


def read_event(payload: bytes, deployment_id: str) -> WebhookEvent:
    """Read a Stripe event into the values that the inbox keeps; `deployment_id` is ours. Never fail.

    A value that is missing, or of another shape than Stripe documents, is None. An event without an id is known by the
    digest of its body. A thin event names its object by `related_object`.
    """
    digest = hashlib.sha256(payload).hexdigest()
    event = _object(_parsed(payload))
    subject = _object(_object(event.get("data")).get("object")) or _object(event.get("related_object"))
    object_id, metadata = _text(subject.get("id")), _object(subject.get("metadata"))
    is_intent = subject.get("object") == "payment_intent"
    return WebhookEvent(
        event_id=_text(event.get("id")) or f"sha256:{digest}",
        type=_text(event.get("type")) or UNREADABLE,
        object_id=object_id,
        intent_id=object_id if is_intent else _id_of(subject.get("payment_intent")),
        purchase_id=_text(metadata.get("purchase_id")),
        created=_moment(event.get("created")),
        digest=digest,
        # An account that cannot be read is not ours, and must not make the event one of ours.
        account_id=_text(event.get("account")) or (UNREADABLE if event.get("account") else None),
        is_foreign=is_foreign(metadata, deployment_id),
        key=_text(metadata.get("refund_key")),
    )


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Return an id or a name as Stripe makes them; None for anything else, which the database might not even store."""
    fits = isinstance(value, str) and 0 < len(value) <= TEXT_CHARS_MAX and value.isascii() and value.isprintable()
    return value if fits else None


def _id_of(reference: Any) -> str | None:
    return _text(reference.get("id") if isinstance(reference, dict) else reference)


def _moment(value: Any) -> datetime | None:
    """Return the time of an event: seconds since 1970, or ISO 8601 in a thin event."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        else:
            found = datetime.fromtimestamp(0 if isinstance(value, bool) else value, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return found if datetime.fromtimestamp(0, UTC) < found < LATEST else None
