"""Ids: opaque and keyed, so that a repeated request finds the same object and nobody else can name it."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import NamedTuple

DEFAULT_TENANT = "default"
LETTERS = 26
REF_LETTERS = 9
DIGEST_BYTES = 20  # encode to a whole number of letters, at least LETTERS


class Deployment(NamedTuple):
    """One installation with a database of its own; `adopted`: the database had events before it had this id."""

    deployment_id: str
    adopted: bool = False


@dataclass(frozen=True)
class Identity:
    """The identity of one deployment: the random id of its database, and its secret of 32 bytes.

    An id made with it is the same for the same parts, differs between deployments, and cannot be computed without the
    secret.
    """

    deployment_id: str
    secret: bytes = field(repr=False)

    def derive(self, prefix: str, *parts: str) -> str:
        """Return `prefix_` and 26 letters keyed with the secret."""
        text = framed(self.deployment_id, prefix, *parts)
        return in_letters(prefix, hmac.new(self.secret, text, "sha256").digest())

    def secret_for(self, purpose: str) -> bytes:
        """Return a secret of 32 bytes for one purpose, from which the deployment's does not follow."""
        return hmac.new(self.secret, framed(self.deployment_id, "secret", purpose), "sha256").digest()

    def of_key(self, prefix: str, scope: str, idempotency_key: str, *within: str) -> str:
        """Return the id of the object that an Idempotency-Key makes; keys of two scopes never name the same one."""
        return self.derive(prefix, scope, idempotency_key, *within)

    def purchase_token(self, purchase_id: str) -> str:
        """Return the token of a purchase, with which its buyer reads and acts on it."""
        return self.derive("pt", purchase_id)

    def nonce_of(self, identity: str) -> str:
        """Return the nonce of an order or a reservation, from which the worker derives more ids without the secret."""
        return self.derive("no", identity)


def framed(*parts: str) -> bytes:
    """Return the parts as one text, length-prefixed, so that no two lists collide."""
    return "".join(f"{len(part)}:{part}" for part in parts).encode()


def in_letters(prefix: str, digest: bytes) -> str:
    """Return `prefix_` and 26 letters of a digest."""
    return f"{prefix}_{base64.b32encode(digest[:DIGEST_BYTES]).decode().lower()[:LETTERS]}"


def derived(prefix: str, *parts: str) -> str:
    """Return `prefix_` and 26 letters that anybody who knows the parts can compute."""
    return in_letters(prefix, hashlib.sha256(framed(*parts)).digest())


def refund_id_of(nonce: str, tenant_id: str, purchase_id: str, cause: str) -> str:
    """Return the id of the refund of an order that the worker decides for a cause; 0.1.0's orders have no nonce."""
    return derived("rf", *((nonce, "refund") if nonce else (tenant_id, purchase_id)), cause)


def ticket_id_of(seed: str, attempt: int, number: int) -> str:
    """Return the id of the n-th ticket (from 1) of one attempt; `seed` is the nonce of its order or reservation."""
    return derived("ti", seed, str(attempt), str(number))


def public_name_of(nonce: str, attempt: int, number: int) -> str:
    """Return the name of a ticket on chain: from no id, and no id follows from it; empty without a nonce."""
    return derived("tk", nonce, "public", str(attempt), str(number)) if nonce else ""


def order_ref_of(purchase_id: str) -> str:
    """Return the reference of an order that people read out: the first letters of its purchase's id, in threes."""
    letters = purchase_id.partition("_")[2].upper()[:REF_LETTERS]
    return "-".join(letters[first : first + 3] for first in range(0, len(letters), 3))


def purchase_ids_begin(order_ref: str) -> str:
    """Return the beginning of the ids of the purchases with this reference, however it was written down."""
    letters = "".join(letter for letter in order_ref.lower() if letter.isalnum())
    return f"pu_{letters.replace('0', 'o').replace('1', 'i')}"  # the alphabet has neither 0 nor 1


def hold_key_of(purchase_id: str, attempt: int) -> str:
    """Return the key of the hold of one attempt at a purchase; a new attempt after a refusal gets a new hold."""
    return f"{purchase_id}:hold:{attempt}"
