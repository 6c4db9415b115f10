"""Webhook endpoint: an address of a tenant, or of one of its venues, that outgoing events are sent to."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import KeyReused, WrongState

EndpointState = Literal["on", "off", "failing", "deleted"]
OffCause = Literal["request", "failing", "operator"]


class EndpointCreated(CreatedEvent["WebhookEndpoint"]):
    """An endpoint was created, with its first secret; it gets the events after a position of the log.

    Without a `venue_id` it is the whole tenant's; without types it gets all.
    """

    TOPIC = "webhook-endpoint.created"

    tenant_id: str
    venue_id: str
    url: str
    types: list[str]
    after: int
    body_digest: str

    def apply(self, endpoint: "WebhookEndpoint") -> None:
        """Set the filter."""
        endpoint.types = tuple(self.types)


class EndpointChanged(DomainEvent["WebhookEndpoint"]):
    """The address or the filter changed."""

    TOPIC = "webhook-endpoint.changed"

    url: str
    types: list[str]

    def apply(self, endpoint: "WebhookEndpoint") -> None:
        """Take over both."""
        endpoint.url, endpoint.types = self.url, tuple(self.types)


class SecretRotated(DomainEvent["WebhookEndpoint"]):
    """The endpoint got its next secret; the one before signs too until `old_until`. No event has a secret."""

    TOPIC = "webhook-endpoint.secret-rotated"

    number: int
    old_until: datetime

    def apply(self, endpoint: "WebhookEndpoint") -> None:
        """Sign with the new secret."""
        endpoint.secret_number, endpoint.old_until = self.number, self.old_until


class EndpointSwitchedOff(DomainEvent["WebhookEndpoint"]):
    """Nothing is sent any more: it was asked for, it failed for long, or an operator leaves it off."""

    TOPIC = "webhook-endpoint.switched-off"

    cause: OffCause

    def apply(self, endpoint: "WebhookEndpoint") -> None:
        """Set the state."""
        endpoint.state = "failing" if self.cause == "failing" else "off"


class EndpointSwitchedOn(DomainEvent["WebhookEndpoint"]):
    """Events are sent again, those first that were missed."""

    TOPIC = "webhook-endpoint.switched-on"
    apply = sets(state="on")


class EndpointDeleted(DomainEvent["WebhookEndpoint"]):
    """The endpoint was deleted for good."""

    TOPIC = "webhook-endpoint.deleted"
    apply = sets(state="deleted")


class WebhookEndpoint(Aggregate):
    """An address with a filter of types; its secrets are numbered from 1 and kept sealed in a table of their own."""

    TOPIC = "webhook-endpoint"
    STREAM_CATEGORY = "webhook-endpoint"

    tenant_id: str
    venue_id: str
    url: str
    types: tuple[str, ...] = field(init=False)
    after: int
    body_digest: str
    state: EndpointState = "on"
    secret_number: int = 1
    old_until: datetime | None = None

    def signing_numbers(self, at: datetime) -> tuple[int, ...]:
        """Return the numbers of the secrets that sign at a time: the newest, and for a while the one before."""
        overlaps = self.old_until is not None and at < self.old_until
        return (self.secret_number, self.secret_number - 1) if overlaps else (self.secret_number,)

    def check_same(self, body_digest: str) -> None:
        """Raise KeyReused for the creation of another endpoint under the same key."""
        if body_digest != self.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")

    def change(self, url: str | None, types: Sequence[str] | None, at: datetime) -> None:
        """Change the address or the filter, or both; None keeps."""
        self._check_kept()
        new_url, new_types = url or self.url, self.types if types is None else tuple(types)
        if (new_url, new_types) != (self.url, self.types):
            self.record(EndpointChanged, at, url=new_url, types=list(new_types))

    def rotate_secret(self, old_until: datetime, at: datetime) -> int:
        """Sign with the next secret from now on; return its number."""
        self._check_kept()
        self.record(SecretRotated, at, number=self.secret_number + 1, old_until=old_until)
        return self.secret_number

    def switch_off(self, cause: OffCause, at: datetime) -> None:
        """Send nothing any more; idempotent. One that failed can be left off for good."""
        self._check_kept()
        if self.state == "on" or (self.state == "failing" and cause != "failing"):
            self.record(EndpointSwitchedOff, at, cause=cause)

    def switch_on(self, at: datetime) -> None:
        """Send again; idempotent."""
        self._check_kept()
        if self.state != "on":
            self.record(EndpointSwitchedOn, at)

    def delete(self, at: datetime) -> None:
        """End the endpoint; idempotent."""
        if self.state != "deleted":
            self.record(EndpointDeleted, at)

    def _check_kept(self) -> None:
        if self.state == "deleted":
            raise WrongState("the webhook endpoint is deleted; create another", endpoint_id=self.identity)
