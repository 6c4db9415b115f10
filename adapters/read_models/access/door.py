"""The folds of check-ins: who is in, by gate and ticket type, and which scans were refused."""

from adapters.read_models.catalog import Fold, identity_of
from adapters.read_models.documents import DOORS, TICKETS, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.tickets.check_in import TicketScanned
from domain.tickets.ticket import EntryUndone, TicketRedeemed
from domain.views.access import DoorDocument


def _door(documents: DocumentBatch, show_id: str, tenant_id: str) -> DoorDocument:
    """Return the counts of a show's door, to change; empty before its first scan."""
    found = documents.edit(DOORS, show_id)
    if found is None:
        found = {"tenant_id": tenant_id, "show_id": show_id, "entries": [], "refused": []}
        documents.put(DOORS, show_id, found)
    return found


def _count(documents: DocumentBatch, event: TicketRedeemed | EntryUndone, _: int) -> None:
    ticket = documents.find(TICKETS, identity_of(event))
    if ticket is None:
        return
    change = -1 if isinstance(event, EntryUndone) else 1
    entries = _door(documents, ticket["show_id"], ticket["tenant_id"])["entries"]
    for one in entries:
        if (one["gate"], one["ticket_type_id"]) == (event.gate, ticket["ticket_type_id"]):
            one["count"] += change
            return
    entries.append({"gate": event.gate, "ticket_type_id": ticket["ticket_type_id"], "count": change})


def _scanned(documents: DocumentBatch, event: TicketScanned, _: int) -> None:
    if event.reason == "admitted":
        return
    refused = _door(documents, event.show_id, event.tenant_id)["refused"]
    for one in refused:
        if (one["gate"], one["reason"]) == (event.gate, event.reason):
            one["count"] += 1
            return
    refused.append({"gate": event.gate, "reason": event.reason, "count": 1})


DOOR_FOLDS: dict[type[DomainEvent], Fold] = {
    TicketRedeemed: _count,
    EntryUndone: _count,
    TicketScanned: _scanned,
}
