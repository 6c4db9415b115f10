"""Ids: opaque, derived from the caller's values, so that a repeated request finds the same object."""

import base64
import hashlib

DEFAULT_TENANT = "default"
LETTERS = 26
DIGEST_BYTES = 20  # encode to a whole number of letters, at least LETTERS


def derived(prefix: str, *parts: str) -> str:
    """Return `prefix_` and 26 letters derived from the parts; length-prefixed, so that no two lists collide."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]
    return f"{prefix}_{base64.b32encode(digest).decode().lower()[:LETTERS]}"


def purchase_id_of(tenant_id: str, idempotency_key: str) -> str:
    """Return the id of the purchase with this Idempotency-Key of this tenant."""
    return derived("pu", tenant_id, idempotency_key)


def ticket_id_of(purchase_id: str, attempt: int, number: int) -> str:
    """Return the id of the n-th ticket (from 1) of one attempt at a purchase."""
    return derived("ti", purchase_id, str(attempt), str(number))


def hold_key_of(purchase_id: str, attempt: int) -> str:
    """Return the key of the hold of one attempt at a purchase; a new attempt after a refusal gets a new hold."""
    return f"{purchase_id}:hold:{attempt}"
