"""The folds of refunds: their own documents, and the refunds of purchases, payments and tickets."""

from collections.abc import Callable
from typing import Any, cast

from adapters.read_models.catalog import EventText, Fold, given, identity_of, time_of
from adapters.read_models.documents import PURCHASES, REFUNDS, SHOWS, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.money.breakdown import AmountBreakdown
from domain.payments.disputed_refunds import RefundOwedAgain, RefundPaidByBank
from domain.payments.refunds import (
    RefundExcessReturned,
    RefundFailed,
    RefundHandedOut,
    RefundOwedAtTill,
    RefundPaidByHand,
    RefundPending,
    RefundReduced,
    RefundRequested,
    RefundSucceeded,
)
from domain.views.common import check_fields, part_of
from domain.views.purchase import (
    OPEN_REFUNDS,
    AmountByRecipient,
    PaidBackLine,
    PurchaseDocument,
    RefundDocument,
    RefundedPurchase,
    RefundLine,
    RefundProgress,
)

REFUND_TEXTS: dict[type[DomainEvent], EventText] = {
    RefundRequested: lambda event, money: f"Refund requested: {money(event.amount_minor)}, {event.reason}.",
    RefundReduced: lambda event, money: f"A refund of {money(event.by_minor)} at Stripe paid for a failed one.",
    RefundOwedAtTill: lambda event, money: f"Refund owed at the till: {money(event.amount_minor)} in cash.",
    RefundHandedOut: lambda event, money: f"Refund handed out at the till: {money(event.amount_minor)} in cash.",
    RefundPending: lambda *_: "Refund pending at the bank.",
    RefundSucceeded: lambda event, money: f"Refund succeeded: {money(event.amount_minor)}.",
    RefundPaidByHand: lambda event, _: f"Refund paid by hand by an operator: {event.reference}.",
    RefundPaidByBank: lambda event, money: f"Refund paid by the buyer's bank: {money(event.amount_minor)}.",
    RefundOwedAgain: lambda event, money: f"The bank gave a refund back: {money(event.amount_minor)} are owed again.",
    RefundExcessReturned: lambda event, money: f"A refund beyond what was owed came back: {money(event.amount_minor)}.",
    RefundFailed: lambda event, _: f"Refund failed: {event.failure}. The buyer is still owed.",
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


def _changed(change: Callable[[RefundDocument, Any], None]) -> Fold:
    """Return a fold that changes the refund of an event, and shows it in its purchase."""

    def fold(documents: DocumentBatch, event: Any, _: int) -> None:
        if refund := documents.edit(REFUNDS, event.refund_id):
            change(refund, event)
        _show(documents, event, event.refund_id)

    return fold


def _sets(*names: str, **values: Any) -> Fold:
    """Return a fold that sets fields of the refund of an event, and shows it in its purchase."""
    check_fields(RefundDocument, dict.fromkeys(names) | values)
    return _changed(lambda refund, event: refund.update(cast("Any", given(event, names, values))))


def _reduced(refund: RefundDocument, event: RefundReduced) -> None:
    refund["amount_minor"] -= event.by_minor
    _end_if_paid(refund, event)


def _arrived(refund: RefundDocument, event: RefundSucceeded | RefundHandedOut | RefundPaidByHand) -> None:
    _succeed(refund, event)
    refund["owed_at_till"] = False
    refund["stripe_refund_id"] = event.stripe_refund_id or None if isinstance(event, RefundSucceeded) else None
    if isinstance(event, RefundPaidByHand):
        refund["paid_by_hand"] = event.reference or refund["paid_by_hand"]


def _succeed(refund: RefundDocument, event: DomainEvent) -> None:
    refund.update({"state": "succeeded", "failure": None, "succeeded_at": time_of(event)})


def _end_if_paid(refund: RefundDocument, event: DomainEvent) -> None:
    """Let a refund succeed of which the buyer's bank has paid all that is left."""
    if refund["by_bank_minor"] >= refund["amount_minor"]:
        _succeed(refund, event)


def _paid_by_bank(refund: RefundDocument, event: RefundPaidByBank) -> None:
    """A bank pays before, or instead of us; with all of it the refund has succeeded."""
    refund["by_bank_minor"] += event.amount_minor
    _end_if_paid(refund, event)


def _owed_again(refund: RefundDocument, event: RefundOwedAgain) -> None:
    """Another refund gives the buyer this much."""
    refund["by_bank_minor"] -= event.amount_minor
    refund["amount_minor"] -= event.amount_minor


def _excess_returned(refund: RefundDocument, event: RefundExcessReturned) -> None:
    """Nobody is owed it; a refund of nothing else is over."""
    refund["amount_minor"] -= event.amount_minor
    _end_if_paid(refund, event)


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
    if any(one["state"] in OPEN_REFUNDS for one in purchase["refunds"]):
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
    RefundReduced: _changed(_reduced),
    RefundOwedAtTill: _sets(owed_at_till=True),
    RefundHandedOut: _changed(_arrived),
    RefundPending: _sets("stripe_refund_id", state="pending", failure=None),
    RefundSucceeded: _changed(_arrived),
    RefundPaidByHand: _changed(_arrived),
    RefundPaidByBank: _changed(_paid_by_bank),
    RefundOwedAgain: _changed(_owed_again),
    RefundExcessReturned: _changed(_excess_returned),
    RefundFailed: _sets("failure", state="failed", succeeded_at=None),
}
