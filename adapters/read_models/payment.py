"""The folds of payments: what a purchase shows of the one that pays it, and whose every intent is."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Document, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.payments.payment import (
    IntentCreated,
    PaymentAuthorised,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    StrayIntentFound,
)

PAYMENT_TEXTS: dict[type[DomainEvent], Callable[[Any], str]] = {
    StrayIntentFound: lambda event: f"Another payment came, {event.intent_id}: it goes back.",
    IntentCreated: lambda event: f"Payment {event.intent_id} was opened; the buyer can pay.",
    PaymentDeclined: lambda event: f"A card was declined: {event.decline_code}.",
    PaymentAuthorised: lambda _: "The bank holds the money for us.",
    PaymentCaptured: lambda event: (
        f"The money was taken: {event.captured_minor} minor units, charge {event.charge_id}."
    ),
    PaymentCancelled: lambda _: "The payment was cancelled: no money can come by it.",
    PaymentRefunded: lambda event: f"The money was given back: {event.amount_minor} minor units.",
}


def _intent(documents: DocumentBatch, event: IntentCreated, _: int) -> None:
    attempt = int(identity_of(event).rpartition(":")[2])
    owner = {"tenant_id": event.tenant_id, "purchase_id": event.purchase_id, "attempt": attempt}
    documents.put("payments", event.intent_id, owner)
    document = documents.edit("purchases", event.purchase_id)
    document["payment"] = {
        "intent_id": event.intent_id,
        "status": "open",
        "charge_id": None,
        "captured_minor": 0,
        "refunded_minor": 0,
        "decline_code": None,
        "captured_at": None,
        "refunds": [],
    }
    if document.get("state") == "reserving":
        document["state"] = "awaiting-payment"


def _payment(status: str | None = None, **fields: str) -> Fold:
    """Return a fold that sets the payment's status and copies these fields of the event."""

    def apply(documents: DocumentBatch, event: Any, _: int) -> None:
        payment = _payment_of(documents, event)
        if payment is None:
            return
        payment.update({field: getattr(event, name) for field, name in fields.items()})
        if status is not None:
            payment["status"] = status

    return apply


def _captured(documents: DocumentBatch, event: PaymentCaptured, position: int) -> None:
    _payment("captured", charge_id="charge_id", captured_minor="captured_minor")(documents, event, position)
    if payment := _payment_of(documents, event):
        payment["captured_at"] = event.timestamp.isoformat()


def _refunded(documents: DocumentBatch, event: PaymentRefunded, position: int) -> None:
    _payment("refunded", refunded_minor="amount_minor")(documents, event, position)
    if payment := _payment_of(documents, event):
        refund = {"refund_id": event.refund_id, "amount_minor": event.amount_minor, "at": event.timestamp.isoformat()}
        payment.setdefault("refunds", []).append(refund)


def _payment_of(documents: DocumentBatch, event: DomainEvent) -> Document | None:
    """Return the payment of a purchase's present attempt, if the event is about that one."""
    purchase_id, _, attempt = identity_of(event).partition(":")
    document = documents.edit("purchases", purchase_id)
    return document.get("payment") if str(document.get("attempt")) == attempt else None


def _stray(documents: DocumentBatch, event: StrayIntentFound, _: int) -> None:
    attempt = documents.edit("purchases", event.purchase_id).get("attempt", 0)
    owner = {"tenant_id": event.tenant_id, "purchase_id": event.purchase_id, "attempt": attempt}
    documents.put("payments", event.intent_id, owner)


PAYMENT_FOLDS: dict[type[DomainEvent], Fold] = {
    IntentCreated: _intent,
    StrayIntentFound: _stray,
    PaymentDeclined: _payment(decline_code="decline_code"),
    PaymentAuthorised: _payment("authorised"),
    PaymentCaptured: _captured,
    PaymentCancelled: _payment("cancelled"),
    PaymentRefunded: _refunded,
}
