"""Outgoing events in the read models: each is kept as it is sent, so that pages, streams and webhooks are the same."""

from adapters.read_models.documents import MATTERS, PURCHASES, REFUNDS, SHOWS, TICKETS, DocumentBatch, OutgoingLine
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
