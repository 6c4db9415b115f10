"""The folds of payments: what a purchase shows of the one that pays it, and whose every intent is."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Document, Sheets
from domain.core.aggregate import Fact
from domain.payments.payment import (
    IntentCreated,
    PaymentAuthorised,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    StrayIntentFound,
)

PAYMENT_TEXTS: dict[type[Fact], Callable[[Any], str]] = {
    StrayIntentFound: lambda fact: f"Another payment came, {fact.intent_id}: it goes back.",
    IntentCreated: lambda fact: f"Payment {fact.intent_id} was opened; the buyer can pay.",
    PaymentDeclined: lambda fact: f"A card was declined: {fact.decline_code}.",
    PaymentAuthorised: lambda _: "The bank holds the money for us.",
    PaymentCaptured: lambda fact: f"The money was taken: {fact.captured_minor} minor units, charge {fact.charge_id}.",
    PaymentCancelled: lambda _: "The payment was cancelled: no money can come by it.",
    PaymentRefunded: lambda fact: f"The money was given back: {fact.amount_minor} minor units.",
}


def _intent(sheets: Sheets, fact: IntentCreated, _: int) -> None:
    attempt = int(identity_of(fact).rpartition(":")[2])
    owner = {"tenant_id": fact.tenant_id, "purchase_id": fact.purchase_id, "attempt": attempt}
    sheets.put("payments", fact.intent_id, owner)
    document = sheets.edit("purchases", fact.purchase_id)
    document["payment"] = {
        "intent_id": fact.intent_id,
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
    """Return a fold that sets the payment's status and copies these fields of the fact."""

    def apply(sheets: Sheets, fact: Any, _: int) -> None:
        payment = _payment_of(sheets, fact)
        if payment is None:
            return
        payment.update({field: getattr(fact, name) for field, name in fields.items()})
        if status is not None:
            payment["status"] = status

    return apply


def _captured(sheets: Sheets, fact: PaymentCaptured, position: int) -> None:
    _payment("captured", charge_id="charge_id", captured_minor="captured_minor")(sheets, fact, position)
    if payment := _payment_of(sheets, fact):
        payment["captured_at"] = fact.timestamp.isoformat()


def _refunded(sheets: Sheets, fact: PaymentRefunded, position: int) -> None:
    _payment("refunded", refunded_minor="amount_minor")(sheets, fact, position)
    if payment := _payment_of(sheets, fact):
        refund = {"refund_id": fact.refund_id, "amount_minor": fact.amount_minor, "at": fact.timestamp.isoformat()}
        payment.setdefault("refunds", []).append(refund)


def _payment_of(sheets: Sheets, fact: Fact) -> Document | None:
    """Return the payment of a purchase's present attempt, if the fact is about that one."""
    purchase_id, _, attempt = identity_of(fact).partition(":")
    document = sheets.edit("purchases", purchase_id)
    return document.get("payment") if str(document.get("attempt")) == attempt else None


def _stray(sheets: Sheets, fact: StrayIntentFound, _: int) -> None:
    attempt = sheets.edit("purchases", fact.purchase_id).get("attempt", 0)
    owner = {"tenant_id": fact.tenant_id, "purchase_id": fact.purchase_id, "attempt": attempt}
    sheets.put("payments", fact.intent_id, owner)


PAYMENT_FOLDS: dict[type[Fact], Fold] = {
    IntentCreated: _intent,
    StrayIntentFound: _stray,
    PaymentDeclined: _payment(decline_code="decline_code"),
    PaymentAuthorised: _payment("authorised"),
    PaymentCaptured: _captured,
    PaymentCancelled: _payment("cancelled"),
    PaymentRefunded: _refunded,
}
