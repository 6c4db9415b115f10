"""Outgoing events in the read models: each is kept as it is sent; and the webhook endpoints that some wait for."""

from adapters.read_models.documents import MATTERS, PURCHASES, REFUNDS, SHOWS, TICKETS, DocumentBatch, OutgoingLine
from adapters.read_models.queries import ReadModels
from domain.core.aggregate import DomainEvent
from domain.core.topics import import_all
from domain.views.catalog import ShowDocument
from domain.views.outgoing.mapping import MatterDocument, outgoing
from domain.views.outgoing.money import matter_begun
from domain.views.purchase import PurchaseDocument, RefundDocument, TicketDocument

import_all()  # every mapping registers itself


class DocumentsAfter:
    """The documents of a batch as they are after the event that was folded last."""

    def __init__(self, documents: DocumentBatch) -> None:
        self._documents = documents

    def purchase(self, purchase_id: str) -> PurchaseDocument | None:
        """Return a purchase."""
        return self._documents.find(PURCHASES, purchase_id)

    def ticket(self, ticket_id: str) -> TicketDocument | None:
        """Return a ticket."""
        return self._documents.find(TICKETS, ticket_id)

    def show(self, show_id: str) -> ShowDocument | None:
        """Return a show."""
        return self._documents.find(SHOWS, show_id)

    def refund(self, refund_id: str) -> RefundDocument | None:
        """Return a refund."""
        return self._documents.find(REFUNDS, refund_id)

    def matter(self, stream: str) -> MatterDocument | None:
        """Return a dispute or a payout."""
        return self._documents.find(MATTERS, stream)


def keep_outgoing(documents: DocumentBatch, event: DomainEvent, position: int) -> None:
    """Keep what the outside hears of an event, after the event was folded."""
    after = DocumentsAfter(documents)
    if (begun := matter_begun(event, after)) is not None:
        documents.put(MATTERS, event.originator_id, begun)
    if (told := outgoing(event, after, position)) is not None:
        sent, owner = told
        documents.outgoing.append(OutgoingLine(position, sent["id"], sent["type"], *owner, sent))


# An endpoint that gets few of many events is brought forward now and then, so that a look at it stays short.
FAR_BEHIND = 10_000
DUE_ENDPOINTS = """
SELECT e.id, e.doc->>'tenant_id', e.doc->>'venue_id' FROM rm_endpoints e
CROSS JOIN LATERAL (SELECT coalesce((SELECT p.position FROM webhook_positions p WHERE p.endpoint_id = e.id),
  (e.doc->>'after')::bigint) AS position) AS at
WHERE e.doc->>'state' = 'failing' OR (e.doc->>'state' = 'on' AND (
  (SELECT position FROM rm_position) > at.position + %s
  OR EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'due')
  OR EXISTS (SELECT FROM rm_outgoing o WHERE o.tenant_id = e.doc->>'tenant_id' AND o.position > at.position
    AND e.doc->>'venue_id' IN ('', o.venue_id)
    AND (jsonb_array_length(e.doc->'types') = 0 OR e.doc->'types' ? o.type))))
ORDER BY e.id LIMIT %s
"""


class DeliveryQueries(ReadModels):
    """Webhook endpoints with work to do, for the relay."""

    async def due_endpoints(self, limit: int) -> list[tuple[str, str, str]]:
        """Return (endpoint, tenant, venue) of endpoints that events wait for, and of those that failed for long."""
        rows = await self._rows(DUE_ENDPOINTS, (FAR_BEHIND, limit))
        return [(endpoint_id, tenant_id, venue_id) for endpoint_id, tenant_id, venue_id in rows]
