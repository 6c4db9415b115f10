"""The folds of disputes: the disputes of each purchase."""

from adapters.read_models.catalog import EventText, Fold, identity_of, time_of
from adapters.read_models.documents import DISPUTES, PURCHASES, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeReturned, DisputeWon
from domain.payments.holdings import taken_of
from domain.tickets.ticket import TicketBlocked, TicketUnblocked
from domain.views.common import part_of
from domain.views.purchase import DisputeDocument, DisputeLine, PurchaseDocument

DISPUTE_TEXTS: dict[type[DomainEvent], EventText] = {
    DisputeOpened: lambda event, money: f"Payment disputed: {money(event.amount_minor)}, {identity_of(event)}.",
    DisputeWon: lambda *_: "Dispute won: the money is back.",
    DisputeLost: lambda *_: "Dispute lost: the money stays with the buyer.",
    DisputeReturned: lambda event, money: f"Stripe returned {money(event.amount_minor)} of a decided dispute.",
    TicketBlocked: lambda event, _: f"Ticket {identity_of(event)} blocked while its payment is disputed.",
    TicketUnblocked: lambda event, _: f"Ticket {identity_of(event)} unblocked: valid again.",
}


def _opened(documents: DocumentBatch, event: DisputeOpened, _: int) -> None:
    if purchase := documents.edit(PURCHASES, event.purchase_id):
        dispute = part_of(
            event,
            DisputeDocument,
            dispute_id=identity_of(event),
            show_id=purchase["show_id"],
            state="open",
            returned_minor=0,
            of_sale=event.is_of_sale,
            opened_at=time_of(event),
            decided_at=None,
        )
        _shown(purchase, [*purchase["disputes"], part_of(dispute, DisputeLine)])
        documents.put(DISPUTES, identity_of(event), dispute)


def _decided(documents: DocumentBatch, event: DisputeWon | DisputeLost, line: DisputeLine) -> None:
    if dispute := documents.edit(DISPUTES, identity_of(event)):
        dispute["state"], dispute["returned_minor"] = line["state"], line["returned_minor"]
        dispute["decided_at"] = event.timestamp.isoformat()


def _ends(documents: DocumentBatch, event: DisputeWon | DisputeLost, _: int) -> None:
    """Count what the parties of the sale lost, which is no longer owed to the buyer."""
    if purchase := documents.edit(PURCHASES, event.purchase_id):
        if isinstance(event, DisputeLost):
            purchase["lost_to_disputes_minor"] += taken_of(event.parts).parties.total_minor
        _shown(purchase, [_ended(documents, line, event) for line in purchase["disputes"]])


def _returned(documents: DocumentBatch, event: DisputeReturned, _: int) -> None:
    if purchase := documents.edit(PURCHASES, event.purchase_id):
        purchase["lost_to_disputes_minor"] -= taken_of(event.parts).parties.total_minor
        for line in purchase["disputes"]:
            if line["dispute_id"] == identity_of(event):
                line["returned_minor"] += event.amount_minor
    if dispute := documents.edit(DISPUTES, identity_of(event)):
        dispute["returned_minor"] += event.amount_minor


def _ended(documents: DocumentBatch, line: DisputeLine, event: DisputeWon | DisputeLost) -> DisputeLine:
    if line["dispute_id"] != identity_of(event):
        return line
    ended: DisputeLine = {**line, "state": "lost"}
    if isinstance(event, DisputeWon):
        returned = line["amount_minor"] if event.returned_minor is None else event.returned_minor
        ended = {**line, "state": "won", "returned_minor": returned}
    _decided(documents, event, ended)
    return ended


def _shown(purchase: PurchaseDocument, lines: list[DisputeLine]) -> None:
    """Set the disputes, and the state of the worst one: open, else lost, else won."""
    purchase["disputes"] = lines
    states = {line["state"] for line in lines}
    purchase["dispute_state"] = "open" if "open" in states else "lost" if "lost" in states else "won"


DISPUTE_FOLDS: dict[type[DomainEvent], Fold] = {
    DisputeOpened: _opened,
    DisputeWon: _ends,
    DisputeLost: _ends,
    DisputeReturned: _returned,
}
