"""The folds of discounts."""

from adapters.read_models.catalog import Fold, identity_of, sets, time_of
from adapters.read_models.documents import DISCOUNTS, DocumentBatch
from domain.catalog.discount import (
    DiscountClaimed,
    DiscountCreated,
    DiscountReturned,
    DiscountStopped,
    DiscountTerms,
    DiscountTermsChanged,
)
from domain.core.aggregate import DomainEvent
from domain.views.catalog import DiscountDocument, terms_document
from domain.views.common import part_of


def _discount(documents: DocumentBatch, event: DiscountCreated, _: int) -> None:
    own = {"in_use": 0, "uses": 0, "stopped": False, "created_at": time_of(event)}
    terms = terms_document(DiscountTerms.model_validate(event.terms))
    documents.put(DISCOUNTS, identity_of(event), part_of(event, DiscountDocument, **own, **terms))


def _terms_changed(documents: DocumentBatch, event: DiscountTermsChanged, _: int) -> None:
    if discount := documents.edit(DISCOUNTS, identity_of(event)):
        discount.update({**discount, **terms_document(DiscountTerms.model_validate(event.terms))})


def _claims(change: int) -> Fold:
    """Return a fold that counts the orders that use one of a limited number."""

    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if discount := documents.edit(DISCOUNTS, identity_of(event)):
            discount["in_use"] += change

    return fold


DISCOUNT_FOLDS: dict[type[DomainEvent], Fold] = {
    DiscountCreated: _discount,
    DiscountTermsChanged: _terms_changed,
    DiscountStopped: sets(DISCOUNTS, "stopped"),
    DiscountClaimed: _claims(1),
    DiscountReturned: _claims(-1),
}
