"""The folds of refunds: a document of their own, and what a purchase, its payment and its tickets show of them."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Document, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.payments.dispute import DisputeLost
from domain.payments.refund import (
    RefundFailed,
    RefundPaidByHand,
    RefundPending,
    RefundRequested,
    RefundsOpened,
    RefundSucceeded,
)

OPEN = {"requested", "pending", "failed"}
REFUND_TEXTS: dict[type[DomainEvent], Callable[[Any], str]] = {
    RefundRequested: lambda event: f"A refund was decided: {event.amount_minor} minor units, {event.reason}.",
    RefundPending: lambda _: "Stripe has the refund; the bank has not confirmed it.",
    RefundSucceeded: lambda event: f"The refund has arrived: {event.amount_minor} minor units.",
    RefundPaidByHand: lambda event: f"An operator paid the refund by hand: {event.reference}.",
    RefundFailed: lambda event: f"The refund failed: {event.failure}. The buyer is still owed.",
}


def _opened(documents: DocumentBatch, event: RefundsOpened, _: int) -> None:
    documents.edit("purchases", identity_of(event)).setdefault("refunds", [])


def _requested(documents: DocumentBatch, event: RefundRequested, _: int) -> None:
    purchase_id = identity_of(event)
    purchase = documents.edit("purchases", purchase_id)
    refund = {
        "refund_id": event.refund_id,
        "state": "requested",
        "amount_minor": event.amount_minor,
        "currency": (purchase.get("price") or {}).get("currency"),
        "ticket_ids": list(event.ticket_ids),
        "reason": event.reason,
        "fees": event.fees,
        "given": dict(event.given),
        "stripe_refund_id": None,
        "failure": None,
        "requested_at": event.timestamp.isoformat(),
        "succeeded_at": None,
        "in_cash": (purchase.get("price") or {}).get("tender") == "cash",
        "resells": _resells(documents, purchase, event),
    }
    owner = {name: purchase.get(name) for name in ("purchase_id", "tenant_id", "attempt", "show_id")}
    documents.put("refunds", event.refund_id, {**owner, **refund})
    _show(documents, purchase_id, event.refund_id)


def _resells(documents: DocumentBatch, purchase: Document, event: RefundRequested) -> bool:
    """Say whether its seats may go back on sale: the show says so, and it is not of an amount."""
    show = documents.find("shows", str(purchase.get("show_id"))) or {}
    return bool(event.ticket_ids) and show.get("resell_refunded", False)


def _pending(documents: DocumentBatch, event: RefundPending, _: int) -> None:
    refund = documents.edit("refunds", event.refund_id)
    refund.update(state="pending", stripe_refund_id=event.stripe_refund_id, failure=None)
    _show(documents, identity_of(event), event.refund_id)


def _succeeded(documents: DocumentBatch, event: RefundSucceeded, _: int) -> None:
    moment, stripe_id = event.timestamp.isoformat(), event.stripe_refund_id or None
    documents.edit("refunds", event.refund_id).update(
        state="succeeded", stripe_refund_id=stripe_id, failure=None, succeeded_at=moment
    )
    _show(documents, identity_of(event), event.refund_id)


def _paid_by_hand(documents: DocumentBatch, event: RefundPaidByHand, _: int) -> None:
    moment = event.timestamp.isoformat()
    documents.edit("refunds", event.refund_id).update(
        state="succeeded", stripe_refund_id=None, failure=None, succeeded_at=moment, paid_by_hand=event.reference
    )
    _show(documents, identity_of(event), event.refund_id)


def _failed(documents: DocumentBatch, event: RefundFailed, _: int) -> None:
    refund = documents.edit("refunds", event.refund_id)
    refund.update(state="failed", failure=event.failure, succeeded_at=None)
    _show(documents, identity_of(event), event.refund_id)


def _show(documents: DocumentBatch, purchase_id: str, refund_id: str) -> None:
    """Show a purchase's refunds as they stand: the list, the sum of what has arrived, and one word for all of it."""
    purchase = documents.edit("purchases", purchase_id)
    hidden = {"purchase_id", "tenant_id", "attempt", "show_id", "given", "currency", "resells"}
    shown = {name: value for name, value in documents.edit("refunds", refund_id).items() if name not in hidden}
    others = [one for one in purchase.get("refunds", []) if one["refund_id"] != refund_id]
    purchase["refunds"] = sorted([*others, shown], key=lambda one: (one["requested_at"], one["refund_id"]))
    arrived = [one for one in purchase["refunds"] if one["state"] == "succeeded" and one["amount_minor"]]
    refunded_minor = sum(one["amount_minor"] for one in arrived)
    purchase["refund_state"] = refund_state_of(purchase, refunded_minor)
    if payment := purchase.get("payment"):
        payment["refunded_minor"] = refunded_minor
        payment["refunds"] = [_receipt_line(one) for one in arrived]


def refund_state_of(purchase: Document, refunded_minor: int) -> str:
    """Return one word: `refunding` while one is under way, then how much of the price the buyer has again.

    Of what cost nothing it is how many of the tickets were given back.
    """
    if any(one["state"] in OPEN for one in purchase["refunds"]):
        return "refunding"
    if not purchase["price"]["total_minor"]:
        is_whole = all(ticket["state"] == "void" for ticket in purchase["tickets"])
        return "refunded" if is_whole else "partly-refunded"
    back_minor = refunded_minor + purchase.get("lost_to_disputes_minor", 0)
    return "refunded" if back_minor >= purchase["price"]["total_minor"] else "partly-refunded"


def _lost(documents: DocumentBatch, event: DisputeLost, _: int) -> None:
    """Count what the bank gave back: nobody owes it to the buyer any more."""
    purchase = documents.edit("purchases", event.purchase_id)
    purchase["lost_to_disputes_minor"] = purchase.get("lost_to_disputes_minor", 0) + sum(event.parts.values())


def _receipt_line(refund: Document) -> Document:
    fields = ("ticket_ids", "reason", "amount_minor")
    named = {"refund_id": refund["stripe_refund_id"], "at": refund["succeeded_at"]}
    return {**named, **{field: refund[field] for field in fields}}


REFUND_FOLDS: dict[type[DomainEvent], Fold] = {
    DisputeLost: _lost,
    RefundsOpened: _opened,
    RefundRequested: _requested,
    RefundPending: _pending,
    RefundSucceeded: _succeeded,
    RefundPaidByHand: _paid_by_hand,
    RefundFailed: _failed,
}
