"""The folds of API keys and of webhook endpoints."""

from adapters.read_models.catalog import Fold, identity_of
from adapters.read_models.documents import API_KEYS, ENDPOINTS, DocumentBatch
from domain.access.api_key import KeyCreated, KeyRevoked, KeyRotated
from domain.access.endpoint import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointSwitchedOff,
    EndpointSwitchedOn,
    SecretRotated,
)
from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.views.access import KeyDocument
from domain.views.outgoing.endpoint import EndpointDocument


def _created(documents: DocumentBatch, event: KeyCreated, _: int) -> None:
    key: KeyDocument = {
        "key_id": identity_of(event),
        "tenant_id": event.tenant_id,
        "kind": event.kind,
        "label": event.label,
        "scopes": event.scopes,
        "bound_to": event.bound_to,
        "created_at": event.timestamp.isoformat(),
        "expires_at": iso(event.expires_at),
        "rotated_at": None,
        "revoked_at": None,
    }
    documents.put(API_KEYS, key["key_id"], key)


def _rotated(documents: DocumentBatch, event: KeyRotated, _: int) -> None:
    if key := documents.edit(API_KEYS, identity_of(event)):
        key["rotated_at"] = event.timestamp.isoformat()


def _revoked(documents: DocumentBatch, event: KeyRevoked, _: int) -> None:
    if key := documents.edit(API_KEYS, identity_of(event)):
        key["revoked_at"] = event.timestamp.isoformat()


def _endpoint_created(documents: DocumentBatch, event: EndpointCreated, _: int) -> None:
    endpoint: EndpointDocument = {
        "endpoint_id": identity_of(event),
        "tenant_id": event.tenant_id,
        "venue_id": event.venue_id,
        "url": event.url,
        "types": list(event.types),
        "after": event.after,
        "state": "on",
        "created_at": event.timestamp.isoformat(),
        "secret_rotated_at": None,
    }
    documents.put(ENDPOINTS, endpoint["endpoint_id"], endpoint)


def _endpoint_changed(documents: DocumentBatch, event: EndpointChanged, _: int) -> None:
    if endpoint := documents.edit(ENDPOINTS, identity_of(event)):
        endpoint["url"], endpoint["types"] = event.url, list(event.types)


def _secret_rotated(documents: DocumentBatch, event: SecretRotated, _: int) -> None:
    if endpoint := documents.edit(ENDPOINTS, identity_of(event)):
        endpoint["secret_rotated_at"] = event.timestamp.isoformat()


def _switched(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
    if endpoint := documents.edit(ENDPOINTS, identity_of(event)):
        if isinstance(event, EndpointSwitchedOff):
            endpoint["state"] = "failing" if event.cause == "failing" else "off"
        else:
            endpoint["state"] = "deleted" if isinstance(event, EndpointDeleted) else "on"


KEY_FOLDS: dict[type[DomainEvent], Fold] = {
    KeyCreated: _created,
    KeyRotated: _rotated,
    KeyRevoked: _revoked,
    EndpointCreated: _endpoint_created,
    EndpointChanged: _endpoint_changed,
    SecretRotated: _secret_rotated,
    EndpointSwitchedOff: _switched,
    EndpointSwitchedOn: _switched,
    EndpointDeleted: _switched,
}
