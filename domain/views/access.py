"""Views of who may act and who has entered: API keys, the audit, and the doors of shows."""

from typing import NamedTuple

from typing_extensions import TypedDict

from domain.access.api_key import KeyKind
from domain.core.timestamp import Timestamp
from domain.tickets.admission import AdmissionReason


class KeyDocument(TypedDict):
    """An API key without its secret; `bound_to` is its venue, empty for a key of the whole tenant."""

    key_id: str
    tenant_id: str
    kind: KeyKind
    label: str
    scopes: list[str]
    bound_to: str
    created_at: Timestamp
    expires_at: Timestamp | None
    rotated_at: Timestamp | None
    revoked_at: Timestamp | None


class AuditEntry(TypedDict):
    """One event that a subject caused: `stream` is the kind and the id of what changed."""

    position: int
    at: Timestamp
    subject: str
    event: str
    stream: str


class AuditQuery(NamedTuple):
    """Which part of the audit: a tenant's entries after a position, of one subject or of all."""

    tenant_id: str
    subject: str
    after: int
    limit: int


class EntryCount(TypedDict):
    """The people who entered at a gate with tickets of one type."""

    gate: str
    ticket_type_id: str
    count: int


class RefusedCount(TypedDict):
    """The scans that a gate refused for one reason."""

    gate: str
    reason: AdmissionReason
    count: int


class DoorDocument(TypedDict):
    """The counts of a show's door."""

    tenant_id: str
    show_id: str
    entries: list[EntryCount]
    refused: list[RefusedCount]
