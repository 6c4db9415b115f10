"""The folds of what changes about a show: prices, sale window, details and limits."""

from adapters.read_models.catalog import Fold, identity_of, sets
from adapters.read_models.documents import SHOWS, DocumentBatch
from domain.catalog.changing import ShowDetailsChanged, ShowLimitsChanged
from domain.catalog.show import PriceChanged, SaleWindowChanged
from domain.core.aggregate import DomainEvent
from domain.views.catalog import details_document


def _price_changed(documents: DocumentBatch, event: PriceChanged, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        for item in show["ticket_types"]:
            if item["ticket_type_id"] == event.ticket_type_id:
                item["price_minor"] = event.price_minor


def _details_changed(documents: DocumentBatch, event: ShowDetailsChanged, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show.update({**show, **details_document(event.details)})


SHOW_CHANGE_FOLDS: dict[type[DomainEvent], Fold] = {
    SaleWindowChanged: sets(SHOWS, "sale_from", "sale_until"),
    PriceChanged: _price_changed,
    ShowDetailsChanged: _details_changed,
    ShowLimitsChanged: sets(SHOWS, "buyer_tickets_max", "resell_refunded", "unnamed_share_percent"),
}
