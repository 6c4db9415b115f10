"""The folds of API keys and of webhook endpoints."""

from adapters.read_models.catalog import Fold, identity_of, opens, sets, time_of
from adapters.read_models.documents import API_KEYS, ENDPOINTS
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

KEY_FOLDS: dict[type[DomainEvent], Fold] = {
    KeyCreated: opens(API_KEYS, key_id=identity_of, created_at=time_of, rotated_at=None, revoked_at=None),
    KeyRotated: sets(API_KEYS, rotated_at=time_of),
    KeyRevoked: sets(API_KEYS, revoked_at=time_of),
    EndpointCreated: opens(ENDPOINTS, endpoint_id=identity_of, state="on", created_at=time_of, secret_rotated_at=None),
    EndpointChanged: sets(ENDPOINTS, url=lambda event: event.url, types=lambda event: list(event.types)),
    SecretRotated: sets(ENDPOINTS, secret_rotated_at=time_of),
    EndpointSwitchedOff: sets(ENDPOINTS, state=lambda event: "failing" if event.cause == "failing" else "off"),
    EndpointSwitchedOn: sets(ENDPOINTS, state="on"),
    EndpointDeleted: sets(ENDPOINTS, state="deleted"),
}
