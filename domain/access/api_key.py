"""API key: a credential of a tenant, stored as a digest, with scopes, an expiry, rotation and an end."""

import hashlib
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal, NamedTuple, cast, get_args

from domain.access.subject import Scope, Subject
from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import WrongState

KeyKind = Literal["secret", "publishable"]
PREFIXES: dict[KeyKind, str] = {"secret": "bo_sk", "publishable": "bo_pk"}
DEVELOPMENT_PREFIX = "bo_dev"
PUBLISHABLE_SCOPES: tuple[Scope, ...] = ("purchase",)


class KeyText(NamedTuple):
    """The parts of the text of a key: `prefix_id_secret`. The prefix names the kind, for people and secret scanners."""

    prefix: str
    key_id: str
    secret: str

    def __str__(self) -> str:
        """Return the text that the client sends."""
        return f"{self.prefix}_{self.key_id}_{self.secret}"

    @property
    def digest(self) -> str:
        """The digest that is stored: the secret has 256 random bits, so that a plain hash cannot be guessed back."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def parse_key(text: str) -> KeyText | None:
    """Return the parts of a key's text; None for a text that is no key."""
    for prefix in (*PREFIXES.values(), DEVELOPMENT_PREFIX):
        key_id, _, secret = text.removeprefix(f"{prefix}_").partition("_")
        if text.startswith(f"{prefix}_") and key_id and secret:
            return KeyText(prefix, key_id, secret)
    return None


class KeyCreated(CreatedEvent["ApiKey"]):
    """A key was created."""

    TOPIC = "api-key.created"

    tenant_id: str
    kind: KeyKind
    label: str
    scopes: list[str]
    bound_to: str
    digest_of_secret: str
    expires_at: datetime | None

    def apply(self, key: "ApiKey") -> None:
        """Set the scopes."""
        key.scopes = frozenset(cast("list[Scope]", self.scopes))


class KeyRotated(DomainEvent["ApiKey"]):
    """The key got a new secret; the one before is accepted until `old_until`."""

    TOPIC = "api-key.rotated"

    digest_of_secret: str
    old_until: datetime

    def apply(self, key: "ApiKey") -> None:
        """Accept the new secret, and for a while the one before."""
        key.old_digest, key.old_until = key.digest_of_secret, self.old_until
        key.digest_of_secret = self.digest_of_secret


class KeyRevoked(DomainEvent["ApiKey"]):
    """The key was revoked: no secret of it is accepted any more."""

    TOPIC = "api-key.revoked"
    apply = sets(revoked=True)


class ApiKey(Aggregate):
    """A key of a tenant; one that is `bound_to` a venue acts for that venue alone."""

    TOPIC = "api-key"
    STREAM_CATEGORY = "api-key"

    tenant_id: str
    kind: KeyKind
    label: str
    scopes: frozenset[Scope] = field(init=False)
    bound_to: str
    digest_of_secret: str
    expires_at: datetime | None
    old_digest: str = ""
    old_until: datetime | None = None
    revoked: bool = False

    @property
    def subject(self) -> Subject:
        """Who calls with this key."""
        return Subject(self.kind, self.identity, self.tenant_id, self.bound_to, self.scopes)

    def accepts(self, text: KeyText, at: datetime) -> bool:
        """Return whether a text is this key, and the key is good at a time."""
        if self.revoked or (self.expires_at is not None and at >= self.expires_at):
            return False
        if text.prefix != PREFIXES[self.kind]:
            return False
        is_old = text.digest == self.old_digest and self.old_until is not None and at < self.old_until
        return is_old or text.digest == self.digest_of_secret

    def rotate(self, digest_of_secret: str, old_until: datetime, at: datetime) -> None:
        """Take a new secret; refuse a revoked key."""
        if self.revoked:
            raise WrongState("the key is revoked; create another", key_id=self.identity)
        self.record(KeyRotated, at, digest_of_secret=digest_of_secret, old_until=old_until)

    def revoke(self, at: datetime) -> None:
        """End the key; again changes nothing."""
        if not self.revoked:
            self.record(KeyRevoked, at)


def check_scopes(kind: KeyKind, scopes: Sequence[Scope]) -> None:
    """Raise WrongState without a scope, or for one that a key of this kind may not have."""
    if not scopes:
        raise WrongState(f"a key needs at least one scope of {', '.join(get_args(Scope))}")
    if kind == "publishable" and set(scopes) != set(PUBLISHABLE_SCOPES):
        raise WrongState("a publishable key has the scope purchase and no other: anybody can read it")
