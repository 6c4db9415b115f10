"""The folds of refunds: a document of their own, and what a purchase, its payment and its tickets show of them."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Document, Sheets
from domain.core.aggregate import Fact
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
REFUND_TEXTS: dict[type[Fact], Callable[[Any], str]] = {
    RefundRequested: lambda fact: f"A refund was decided: {fact.amount_minor} minor units, {fact.reason}.",
    RefundPending: lambda _: "Stripe has the refund; the bank has not confirmed it.",
    RefundSucceeded: lambda fact: f"The refund has arrived: {fact.amount_minor} minor units.",
    RefundPaidByHand: lambda fact: f"An operator paid the refund by hand: {fact.reference}.",
    RefundFailed: lambda fact: f"The refund failed: {fact.failure}. The buyer is still owed.",
}


def _opened(sheets: Sheets, fact: RefundsOpened, _: int) -> None:
    sheets.edit("purchases", identity_of(fact)).setdefault("refunds", [])


def _requested(sheets: Sheets, fact: RefundRequested, _: int) -> None:
    purchase_id = identity_of(fact)
    purchase = sheets.edit("purchases", purchase_id)
    refund = {
        "refund_id": fact.refund_id,
        "state": "requested",
        "amount_minor": fact.amount_minor,
        "currency": (purchase.get("price") or {}).get("currency"),
        "ticket_ids": list(fact.ticket_ids),
        "reason": fact.reason,
        "fees": fact.fees,
        "given": dict(fact.given),
        "stripe_refund_id": None,
        "failure": None,
        "requested_at": fact.timestamp.isoformat(),
        "succeeded_at": None,
        "in_cash": (purchase.get("price") or {}).get("tender") == "cash",
        "resells": _resells(sheets, purchase, fact),
    }
    owner = {name: purchase.get(name) for name in ("purchase_id", "tenant_id", "attempt", "show_id")}
    sheets.put("refunds", fact.refund_id, {**owner, **refund})
    _show(sheets, purchase_id, fact.refund_id)


def _resells(sheets: Sheets, purchase: Document, fact: RefundRequested) -> bool:
    """Say whether its seats may go back on sale: the show says so, and it is not of an amount."""
    show = sheets.find("shows", str(purchase.get("show_id"))) or {}
    return bool(fact.ticket_ids) and show.get("resell_refunded", False)


def _pending(sheets: Sheets, fact: RefundPending, _: int) -> None:
    refund = sheets.edit("refunds", fact.refund_id)
    refund.update(state="pending", stripe_refund_id=fact.stripe_refund_id, failure=None)
    _show(sheets, identity_of(fact), fact.refund_id)


def _succeeded(sheets: Sheets, fact: RefundSucceeded, _: int) -> None:
    moment, stripe_id = fact.timestamp.isoformat(), fact.stripe_refund_id or None
    sheets.edit("refunds", fact.refund_id).update(
        state="succeeded", stripe_refund_id=stripe_id, failure=None, succeeded_at=moment
    )
    _show(sheets, identity_of(fact), fact.refund_id)


def _paid_by_hand(sheets: Sheets, fact: RefundPaidByHand, _: int) -> None:
    moment = fact.timestamp.isoformat()
    sheets.edit("refunds", fact.refund_id).update(
        state="succeeded", stripe_refund_id=None, failure=None, succeeded_at=moment, paid_by_hand=fact.reference
    )
    _show(sheets, identity_of(fact), fact.refund_id)


def _failed(sheets: Sheets, fact: RefundFailed, _: int) -> None:
    refund = sheets.edit("refunds", fact.refund_id)
    refund.update(state="failed", failure=fact.failure, succeeded_at=None)
    _show(sheets, identity_of(fact), fact.refund_id)


def _show(sheets: Sheets, purchase_id: str, refund_id: str) -> None:
    """Show a purchase's refunds as they stand: the list, the sum of what has arrived, and one word for all of it."""
    purchase = sheets.edit("purchases", purchase_id)
    hidden = {"purchase_id", "tenant_id", "attempt", "show_id", "given", "currency", "resells"}
    shown = {name: value for name, value in sheets.edit("refunds", refund_id).items() if name not in hidden}
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


def _lost(sheets: Sheets, fact: DisputeLost, _: int) -> None:
    """Count what the bank gave back: nobody owes it to the buyer any more."""
    purchase = sheets.edit("purchases", fact.purchase_id)
    purchase["lost_to_disputes_minor"] = purchase.get("lost_to_disputes_minor", 0) + sum(fact.parts.values())


def _receipt_line(refund: Document) -> Document:
    fields = ("ticket_ids", "reason", "amount_minor")
    named = {"refund_id": refund["stripe_refund_id"], "at": refund["succeeded_at"]}
    return {**named, **{field: refund[field] for field in fields}}


REFUND_FOLDS: dict[type[Fact], Fold] = {
    DisputeLost: _lost,
    RefundsOpened: _opened,
    RefundRequested: _requested,
    RefundPending: _pending,
    RefundSucceeded: _succeeded,
    RefundPaidByHand: _paid_by_hand,
    RefundFailed: _failed,
}
