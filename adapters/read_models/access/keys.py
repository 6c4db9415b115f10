"""The folds of API keys."""

from adapters.read_models.catalog import Fold, identity_of
from adapters.read_models.documents import API_KEYS, DocumentBatch
from domain.access.api_key import KeyCreated, KeyRevoked, KeyRotated
from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.views.access import KeyDocument


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


KEY_FOLDS: dict[type[DomainEvent], Fold] = {KeyCreated: _created, KeyRotated: _rotated, KeyRevoked: _revoked}
