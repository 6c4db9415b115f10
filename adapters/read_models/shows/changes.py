"""The folds of what changes about a show: prices, sale window, details and limits."""

from adapters.read_models.catalog import Fold, identity_of
from adapters.read_models.documents import SHOWS, DocumentBatch
from domain.catalog.changing import ShowDetailsChanged, ShowLimitsChanged
from domain.catalog.show import PriceChanged, SaleWindowChanged
from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.views.catalog import ShowDocument, details_document


def _window_changed(documents: DocumentBatch, event: SaleWindowChanged, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show["sale_from"], show["sale_until"] = iso(event.sale_from), iso(event.sale_until)


def _price_changed(documents: DocumentBatch, event: PriceChanged, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        for item in show["ticket_types"]:
            if item["ticket_type_id"] == event.ticket_type_id:
                item["price_minor"] = event.price_minor


def _details_changed(documents: DocumentBatch, event: ShowDetailsChanged, _: int) -> None:
    if show := documents.find(SHOWS, identity_of(event)):
        changed: ShowDocument = {**show, **details_document(event.details)}
        documents.put(SHOWS, show["show_id"], changed)


def _limits_changed(documents: DocumentBatch, event: ShowLimitsChanged, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show["buyer_tickets_max"], show["resell_refunded"] = event.buyer_tickets_max, event.resell_refunded
        show["unnamed_share_percent"] = event.unnamed_share_percent


SHOW_CHANGE_FOLDS: dict[type[DomainEvent], Fold] = {
    SaleWindowChanged: _window_changed,
    PriceChanged: _price_changed,
    ShowDetailsChanged: _details_changed,
    ShowLimitsChanged: _limits_changed,
}
