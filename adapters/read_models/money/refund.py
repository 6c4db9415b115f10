"""The folds of refunds: their own documents, and the refunds of purchases, payments and tickets."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog import Fold, identity_of, time_of
from adapters.read_models.documents import PURCHASES, REFUNDS, SHOWS, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.money.breakdown import AmountBreakdown
from domain.payments.refunds import (
    RefundExcessReturned,
    RefundFailed,
    RefundHandedOut,
    RefundOwedAgain,
    RefundOwedAtTill,
    RefundPaidByBank,
    RefundPaidByHand,
    RefundPending,
    RefundReduced,
    RefundRequested,
    RefundSucceeded,
)
from domain.views.common import part_of
from domain.views.purchase import (
    AmountByRecipient,
    PaidBackLine,
    PurchaseDocument,
    RefundDocument,
    RefundedPurchase,
    RefundLine,
    RefundProgress,
)

OPEN = {"requested", "pending", "failed"}
REFUND_TEXTS: dict[type[DomainEvent], Callable[[Any], str]] = {
    RefundRequested: lambda event: f"Refund requested: {event.amount_minor} minor units, {event.reason}.",
    RefundReduced: lambda event: f"A refund of {event.by_minor} at Stripe paid for a failed one.",
    RefundOwedAtTill: lambda event: f"Refund owed at the till: {event.amount_minor} minor units in cash.",
    RefundHandedOut: lambda event: f"Refund handed out at the till: {event.amount_minor} minor units in cash.",
    RefundPending: lambda _: "Refund pending at the bank.",
    RefundSucceeded: lambda event: f"Refund succeeded: {event.amount_minor} minor units.",
    RefundPaidByHand: lambda event: f"Refund paid by hand by an operator: {event.reference}.",
    RefundPaidByBank: lambda event: f"Refund paid by the buyer's bank: {event.amount_minor} minor units.",
    RefundOwedAgain: lambda event: f"The bank gave a refund back: {event.amount_minor} minor units are owed again.",
    RefundExcessReturned: lambda event: f"A refund beyond what was owed came back: {event.amount_minor} minor units.",
    RefundFailed: lambda event: f"Refund failed: {event.failure}. The buyer is still owed.",
}


def _requested(documents: DocumentBatch, event: RefundRequested, _: int) -> None:
    purchase = documents.edit(PURCHASES, identity_of(event))
    if purchase is None:
        return
    price = purchase["price"]
    refund = part_of(
        event,
        RefundDocument,
        **part_of(purchase, RefundedPurchase),
        state="requested",
        currency=event.currency or (price["currency"] if price else ""),
        intent_id=event.intent_id or None,
        owed_at_till=False,
        given=part_of(AmountBreakdown.model_validate(event.given), AmountByRecipient),
        stripe_refund_id=None,
        failure=None,
        requested_at=time_of(event),
        succeeded_at=None,
        in_cash=price is not None and price["tender"] == "cash" and not event.intent_id,
        paid_by_hand=None,
        by_bank_minor=0,
        resells=_resells(documents, purchase, event),
        resold=False,
    )
    documents.put(REFUNDS, event.refund_id, refund)
    _show(documents, event, event.refund_id)


def _resells(documents: DocumentBatch, purchase: PurchaseDocument, event: RefundRequested) -> bool:
    """Say whether its seats may go back on sale: the show resells, and the refund is of tickets."""
    show = documents.find(SHOWS, purchase["show_id"])
    return bool(event.ticket_ids) and show is not None and show["resell_refunded"]


def _pending(documents: DocumentBatch, event: RefundPending, _: int) -> None:
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund.update({"state": "pending", "stripe_refund_id": event.stripe_refund_id, "failure": None})
    _show(documents, event, event.refund_id)


def _succeeded(documents: DocumentBatch, event: RefundSucceeded, _: int) -> None:
    _arrived(documents, event, event.refund_id, stripe_refund_id=event.stripe_refund_id or None, by_hand=None)


def _reduced(documents: DocumentBatch, event: RefundReduced, _: int) -> None:
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["amount_minor"] -= event.by_minor
        if refund["by_bank_minor"] >= refund["amount_minor"]:
            refund.update({"state": "succeeded", "failure": None, "succeeded_at": event.timestamp.isoformat()})
    _show(documents, event, event.refund_id)


def _owed_at_till(documents: DocumentBatch, event: RefundOwedAtTill, _: int) -> None:
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["owed_at_till"] = True
    _show(documents, event, event.refund_id)


def _handed_out(documents: DocumentBatch, event: RefundHandedOut, _: int) -> None:
    _arrived(documents, event, event.refund_id, stripe_refund_id=None, by_hand=None)


def _paid_by_hand(documents: DocumentBatch, event: RefundPaidByHand, _: int) -> None:
    _arrived(documents, event, event.refund_id, stripe_refund_id=None, by_hand=event.reference)


def _arrived(
    documents: DocumentBatch, event: DomainEvent, refund_id: str, *, stripe_refund_id: str | None, by_hand: str | None
) -> None:
    if refund := documents.edit(REFUNDS, refund_id):
        refund.update({"state": "succeeded", "failure": None, "succeeded_at": event.timestamp.isoformat()})
        refund["owed_at_till"] = False
        refund["stripe_refund_id"] = stripe_refund_id
        refund["paid_by_hand"] = by_hand or refund["paid_by_hand"]
    _show(documents, event, refund_id)


def _paid_by_bank(documents: DocumentBatch, event: RefundPaidByBank, _: int) -> None:
    """A bank pays before, or instead of us; with all of it the refund has succeeded."""
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["by_bank_minor"] += event.amount_minor
        if refund["by_bank_minor"] >= refund["amount_minor"]:
            refund.update({"state": "succeeded", "failure": None, "succeeded_at": event.timestamp.isoformat()})
    _show(documents, event, event.refund_id)


def _owed_again(documents: DocumentBatch, event: RefundOwedAgain, _: int) -> None:
    """Another refund gives the buyer this much."""
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["by_bank_minor"] -= event.amount_minor
        refund["amount_minor"] -= event.amount_minor
    _show(documents, event, event.refund_id)


def _excess_returned(documents: DocumentBatch, event: RefundExcessReturned, _: int) -> None:
    """Nobody is owed it; a refund of nothing else is over."""
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["amount_minor"] -= event.amount_minor
        if refund["by_bank_minor"] >= refund["amount_minor"]:
            refund.update({"state": "succeeded", "failure": None, "succeeded_at": event.timestamp.isoformat()})
    _show(documents, event, event.refund_id)


def _failed(documents: DocumentBatch, event: RefundFailed, _: int) -> None:
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund.update({"state": "failed", "failure": event.failure, "succeeded_at": None})
    _show(documents, event, event.refund_id)


def _show(documents: DocumentBatch, event: DomainEvent, refund_id: str) -> None:
    """Update a purchase's list of refunds, the refunded sum and the refund state."""
    purchase, refund = documents.edit(PURCHASES, identity_of(event)), documents.find(REFUNDS, refund_id)
    if purchase is None or refund is None:
        return
    others = [one for one in purchase["refunds"] if one["refund_id"] != refund_id]
    purchase["refunds"] = sorted(
        [*others, part_of(refund, RefundLine)], key=lambda one: (one["requested_at"], one["refund_id"])
    )
    payment = purchase["payment"]
    arrived = [one for one in _own(purchase) if one["state"] == "succeeded" and one["amount_minor"]]
    purchase["refund_state"] = refund_state_of(purchase)
    if payment is not None:
        payment["refunded_minor"] = sum(one["amount_minor"] for one in arrived)
        payment["refunds"] = [_receipt_line(one) for one in arrived]
        if purchase["confirmed_at"] is None:
            payment["owed_minor"] = payment["captured_minor"] - payment["refunded_minor"]


def _own(purchase: PurchaseDocument) -> list[RefundLine]:
    """Return the refunds of the purchase's own payment, without those of second and stray ones."""
    own = {None, purchase["payment"]["intent_id"] if purchase["payment"] else None}
    return [one for one in purchase["refunds"] if one["intent_id"] in own]


def refund_state_of(purchase: PurchaseDocument) -> RefundProgress:
    """Return `refunding` while a refund is in progress, else whether all of the payment was refunded.

    That is the price of a sale, and the captured amount without one. For a free order: whether all of its tickets are
    void.
    """
    own, payment = _own(purchase), purchase["payment"]
    if any(one["state"] in OPEN for one in purchase["refunds"]):
        return "refunding"
    if not own:
        return "none"
    total_minor = purchase["price"]["total_minor"] if purchase["price"] else 0
    if purchase["confirmed_at"] is None and payment is not None:
        total_minor = payment["captured_minor"]
    if not total_minor:
        is_whole = all(ticket["state"] == "void" for ticket in purchase["tickets"])
        return "refunded" if is_whole else "partly-refunded"
    refunded_minor = sum(one["amount_minor"] for one in own if one["state"] == "succeeded")
    back_minor = refunded_minor + purchase["lost_to_disputes_minor"]
    return "refunded" if back_minor >= total_minor else "partly-refunded"


def _receipt_line(refund: RefundLine) -> PaidBackLine:
    return {
        "refund_id": refund["stripe_refund_id"],
        "at": refund["succeeded_at"] or refund["requested_at"],
        "amount_minor": refund["amount_minor"],
        "ticket_ids": refund["ticket_ids"],
        "reason": refund["reason"],
    }


REFUND_FOLDS: dict[type[DomainEvent], Fold] = {
    RefundRequested: _requested,
    RefundReduced: _reduced,
    RefundOwedAtTill: _owed_at_till,
    RefundHandedOut: _handed_out,
    RefundPending: _pending,
    RefundSucceeded: _succeeded,
    RefundPaidByHand: _paid_by_hand,
    RefundPaidByBank: _paid_by_bank,
    RefundOwedAgain: _owed_again,
    RefundExcessReturned: _excess_returned,
    RefundFailed: _failed,
}
