"""The folds of payments: the payment of each purchase, and the owner of each intent."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.read_models.catalog import EventText, Fold, changes, identity_of, time_of
from adapters.read_models.documents import DISPUTES, PAYMENTS, PURCHASES, REFUNDS, DocumentBatch
from adapters.read_models.money.refund import refund_state_of
from domain.core.aggregate import DomainEvent
from domain.money.currency import money
from domain.payments.payment import (
    IntentCreated,
    PaymentAuthorised,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentOwed,
    PaymentProcessingBegun,
    PaymentRefunded,
    StrayIntentFound,
)
from domain.views.common import part_of
from domain.views.purchase import PaidBackLine, PaymentDocument, PaymentOwner, PurchaseDocument

PAYMENT_TEXTS: dict[type[DomainEvent], EventText] = {
    StrayIntentFound: lambda event, _: f"Stray payment {event.intent_id} found: to be returned.",
    IntentCreated: lambda event, _: f"Payment {event.intent_id} opened.",
    PaymentDeclined: lambda event, _: f"Card declined: {event.decline_code}.",
    PaymentProcessingBegun: lambda *_: "Paid; a bank processes the payment.",
    PaymentAuthorised: lambda *_: "Payment authorised.",
    PaymentCaptured: lambda event, money: f"Payment captured: {money(event.captured_minor)}, charge {event.charge_id}.",
    PaymentCancelled: lambda *_: "Payment cancelled.",
    PaymentOwed: lambda *_: "Payment bought nothing: all of it is owed to the buyer.",
    PaymentRefunded: lambda *_: "Payment refunded in full.",
}


def _intent(documents: DocumentBatch, event: IntentCreated, _: int) -> None:
    attempt = int(identity_of(event).rpartition(":")[2])
    documents.put(PAYMENTS, event.intent_id, part_of(event, PaymentOwner, attempt=attempt))
    purchase = documents.edit(PURCHASES, event.purchase_id)
    if purchase is None:
        return
    purchase["payment"] = {
        "intent_id": event.intent_id,
        "status": "open",
        "owed_minor": 0,
        "charge_id": None,
        "captured_minor": 0,
        "refunded_minor": 0,
        "decline_code": None,
        "processing_since": None,
        "captured_at": None,
        "refunds": [],
    }
    purchase["refund_state"] = refund_state_of(purchase)  # of this payment; a former attempt had another one


def _refunded(documents: DocumentBatch, event: PaymentRefunded, _: int) -> None:
    if payment := _payment_of(documents, event):
        payment["status"], payment["refunded_minor"], payment["owed_minor"] = "refunded", event.amount_minor, 0
        if payment["refunds"]:  # one of them was the last one
            return
        line: PaidBackLine = {
            "refund_id": event.refund_id,
            "at": event.timestamp.isoformat(),
            "amount_minor": event.amount_minor,
            "ticket_ids": [],
            "reason": None,
        }
        payment["refunds"].append(line)


def _owed(documents: DocumentBatch, event: PaymentOwed, _: int) -> None:
    if payment := _payment_of(documents, event):
        arrived_minor = sum(line["amount_minor"] for line in payment["refunds"])
        payment["status"], payment["owed_minor"] = "captured", event.amount_minor - arrived_minor


def _payment_of(documents: DocumentBatch, event: DomainEvent) -> PaymentDocument | None:
    """Return the payment of a purchase's present attempt, if the event belongs to that attempt."""
    purchase_id, _, attempt = identity_of(event).partition(":")
    purchase = documents.edit(PURCHASES, purchase_id)
    return purchase["payment"] if purchase and str(purchase["attempt"]) == attempt else None


def say_amount(documents: DocumentBatch, event: Any, purchase: PurchaseDocument, amount_minor: int) -> str:
    """Say an amount of an event in its currency, else in that of its refund, dispute or payment, or of the price."""
    kind, _, identity = event.originator_id.partition(":")
    known: Mapping[str, Any] | None = purchase["price"]
    if kind == "refunds":
        known = documents.find(REFUNDS, event.refund_id)
    elif kind == "dispute":
        known = documents.find(DISPUTES, identity)
    elif kind == "payment":
        known = documents.find(PAYMENTS, identity.partition(":")[2]) or known  # a stray one
    return money(amount_minor, getattr(event, "currency", None) or (known["currency"] if known else None))


def _stray(documents: DocumentBatch, event: StrayIntentFound, _: int) -> None:
    purchase = documents.find(PURCHASES, event.purchase_id)
    attempt = purchase["attempt"] if purchase else 0
    documents.put(PAYMENTS, event.intent_id, part_of(event, PaymentOwner, attempt=attempt))


_sets = partial(changes, _payment_of, PaymentDocument)
PAYMENT_FOLDS: dict[type[DomainEvent], Fold] = {
    IntentCreated: _intent,
    StrayIntentFound: _stray,
    PaymentDeclined: _sets("decline_code", processing_since=None),
    PaymentProcessingBegun: _sets(processing_since=time_of),
    PaymentAuthorised: _sets(status="authorised"),
    PaymentCaptured: _sets("charge_id", "captured_minor", status="captured", captured_at=time_of),
    PaymentCancelled: _sets(status="cancelled"),
    PaymentOwed: _owed,
    PaymentRefunded: _refunded,
}
