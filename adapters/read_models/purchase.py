"""The folds of one purchase: its document, and its timeline of facts in plain words."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import FOLDS, Fold, identity_of
from adapters.read_models.documents import Document, Sheets, TimelineLine
from adapters.read_models.payment import PAYMENT_FOLDS, PAYMENT_TEXTS
from adapters.read_models.refund import REFUND_FOLDS, REFUND_TEXTS
from adapters.read_models.show_cancellation import CANCELLATION_FOLDS
from adapters.read_models.transfer import TRANSFER_FOLDS, TRANSFER_TEXTS
from domain.catalog.discount import DiscountClaimed, DiscountReturned
from domain.core.aggregate import Fact
from domain.money.books import TransactionPosted
from domain.orders.order import (
    CancelRequested,
    CaptureRequested,
    CaptureWaived,
    CheckoutOpened,
    HoldExtended,
    OrderCancelled,
    OrderConfirmed,
    OrderFulfilled,
    OrderPlaced,
    PurchaseRefused,
    PurchaseRequested,
    PurchaseRequestedAgain,
    first_deadline,
)
from domain.orders.reopening import PurchaseRevived
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeWon
from domain.stock.allocation import HoldConfirmed, HoldEnded, HoldsPlaced, HoldUnconfirmed, SeatsReturned
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.ticket import (
    BurnSigned,
    TicketBlocked,
    TicketIssued,
    TicketRedeemed,
    TicketReserved,
    TicketUnblocked,
    TicketVoided,
    TokenBurnt,
    TokenForgone,
)

TEXTS: dict[type[Fact], Callable[[Any], str]] = {
    PurchaseRequested: lambda _: "The buyer asked for tickets.",
    PurchaseRequestedAgain: lambda _: "The buyer asked again after a refusal.",
    PurchaseRefused: lambda fact: f"The purchase was refused: {fact.code}.",
    HoldsPlaced: lambda _: "Seats are held.",
    HoldConfirmed: lambda _: "The held seats were confirmed.",
    HoldUnconfirmed: lambda _: "The confirmation of the seats was taken back.",
    HoldEnded: lambda fact: f"The seats were released: {fact.reason}.",
    SeatsReturned: lambda fact: f"On sale again: {fact.quantity} of its seats.",
    OrderPlaced: lambda fact: f"The price is locked: {fact.price['total_minor']} {fact.price['currency']} minor units.",
    DiscountClaimed: lambda _: "A limited discount is held with the seats.",
    DiscountReturned: lambda fact: f"The discount was given back: {fact.reason}.",
    TicketReserved: lambda fact: f"Ticket {identity_of(fact)} was reserved.",
    TicketIssued: lambda fact: f"Ticket {identity_of(fact)} was issued: it is valid at the door.",
    TicketVoided: lambda fact: f"Ticket {identity_of(fact)} was voided.",
    PurchaseRevived: lambda fact: f"Payment {fact.intent_id} came after the end: the purchase is taken up again.",
    CancelRequested: lambda _: "The buyer asked to cancel.",
    CheckoutOpened: lambda _: "The checkout is open: the time of the hold begins.",
    HoldExtended: lambda fact: f"The hold goes on until {fact.hold_until.isoformat(timespec='seconds')}.",
    CaptureRequested: lambda _: "The money is about to be taken.",
    CaptureWaived: lambda _: "There is nothing to charge.",
    OrderConfirmed: lambda _: "The order is confirmed.",
    TokenSigned: lambda fact: f"The minting of ticket {identity_of(fact)} was signed.",
    TokenMinted: lambda fact: f"Ticket {identity_of(fact)} stands on chain at {fact.mint_address}.",
    DisputeOpened: lambda fact: f"The payment is disputed: {fact.amount_minor} minor units, {identity_of(fact)}.",
    DisputeWon: lambda _: "The dispute was won: the money is back.",
    DisputeLost: lambda _: "The dispute was lost: the money stays with the buyer.",
    TicketBlocked: lambda fact: f"Ticket {identity_of(fact)} is blocked while its payment is disputed.",
    TicketUnblocked: lambda fact: f"Ticket {identity_of(fact)} is valid again.",
    TransactionPosted: lambda fact: f"The books have it: {fact.kind}.",
    OrderFulfilled: lambda _: "Every ticket is minted and the venue is credited.",
    **PAYMENT_TEXTS,
    **TRANSFER_TEXTS,
    OrderCancelled: lambda fact: f"The purchase ended without a sale: {fact.reason}.",
    TicketRedeemed: lambda fact: f"Somebody entered with ticket {identity_of(fact)}.",
    BurnSigned: lambda fact: f"The burning of ticket {identity_of(fact)} was signed.",
    TokenBurnt: lambda fact: f"The token of ticket {identity_of(fact)} was burnt.",
    TokenForgone: lambda fact: f"Ticket {identity_of(fact)} will have no token.",
    **REFUND_TEXTS,
}


def fold(sheets: Sheets, fact: Fact, position: int) -> None:
    """Apply one fact to all read models."""
    for folds in (FOLDS, PURCHASE_FOLDS, REFUND_FOLDS, CANCELLATION_FOLDS):
        apply = folds.get(type(fact))
        if apply is not None:
            apply(sheets, fact, position)
    for purchase_id in _purchases_of(sheets, fact):
        document = sheets.edit("purchases", purchase_id)
        if document:
            document["position"] = position
            text = TEXTS[type(fact)](fact)
            sheets.timeline.append(TimelineLine(purchase_id, position, fact.timestamp, type(fact).__name__, text))


def _purchases_of(sheets: Sheets, fact: Any) -> list[str]:
    """Return the purchases that a fact is about; a hold's key names its purchase."""
    if type(fact) not in TEXTS:
        return []
    kind, _, identity = fact.originator_id.partition(":")
    if kind in {"allocation", "discount"}:
        keys = [hold["key"] for hold in fact.holds] if isinstance(fact, HoldsPlaced) else [fact.key]
        return list(dict.fromkeys(key.partition(":hold:")[0] for key in keys))
    if kind == "ticket":
        ticket = sheets.find("tickets", identity)
        return [ticket["purchase_id"]] if ticket else []
    if kind in {"books", "dispute"}:
        return [fact.purchase_id] if fact.purchase_id else []
    return [identity.partition(":")[0]] if kind in {"order", "payment", "transfer", "refunds"} else []


def _request(fact: PurchaseRequested | PurchaseRequestedAgain) -> Document:
    return {
        "state": "requested",
        "show_id": fact.show_id,
        "venue_id": None,
        "lines": [dict(line) for line in fact.lines],
        "requested_at": fact.timestamp.isoformat(),
        "queue_until": fact.queue_until.isoformat() if fact.queue_until else None,
        "hold_until": first_deadline(fact.queue_until, fact.hold_until).isoformat(),
        "price": None,
        "tickets": [],
        "payment": None,
        "end_reason": None,
        "cancel_requested": False,
        "discount_code": fact.discount_code,
        "confirmed_at": None,
        "refund_state": "none",
        "refunds": [],
    }


def _requested(sheets: Sheets, fact: PurchaseRequested, _: int) -> None:
    purchase_id = identity_of(fact)
    document = {"purchase_id": purchase_id, "tenant_id": fact.tenant_id, "attempt": 1}
    sheets.put("purchases", purchase_id, {**document, **_request(fact)})


def _requested_again(sheets: Sheets, fact: PurchaseRequestedAgain, _: int) -> None:
    document = sheets.edit("purchases", identity_of(fact))
    document.update(_request(fact), attempt=document.get("attempt", 0) + 1)


def _revived(sheets: Sheets, fact: PurchaseRevived, _: int) -> None:
    document = sheets.edit("purchases", identity_of(fact))
    again: Document = {"state": "awaiting-payment", "end_reason": None, "cancel_requested": False, "tickets": []}
    document.update(again, hold_until=fact.hold_until.isoformat(), attempt=document.get("attempt", 0) + 1)


def _order(state: str, *, reason: str | None = None) -> Fold:
    """Return a fold that sets the purchase's state, and its end reason from the fact's field of this name."""

    def apply(sheets: Sheets, fact: Any, _: int) -> None:
        document = sheets.edit("purchases", identity_of(fact))
        document["state"] = state
        if reason is not None:
            document["end_reason"] = getattr(fact, reason)

    return apply


def _confirmed(sheets: Sheets, fact: OrderConfirmed, _: int) -> None:
    sheets.edit("purchases", identity_of(fact)).update(state="confirmed", confirmed_at=fact.timestamp.isoformat())


def _held(sheets: Sheets, fact: HoldsPlaced, _: int) -> None:
    for hold in fact.holds:
        document = sheets.edit("purchases", hold["key"].partition(":hold:")[0])
        if document.get("state") == "requested":
            document["state"] = "reserving"


def _placed(sheets: Sheets, fact: OrderPlaced, _: int) -> None:
    lines = [dict(line) for line in fact.lines]
    update = {"state": "reserving", "venue_id": fact.venue_id, "price": dict(fact.price), "lines": lines}
    sheets.edit("purchases", identity_of(fact)).update(update)


def _deadline(sheets: Sheets, fact: HoldExtended | CheckoutOpened, _: int) -> None:
    sheets.edit("purchases", identity_of(fact))["hold_until"] = fact.hold_until.isoformat()


def _cancel_requested(sheets: Sheets, fact: CancelRequested, _: int) -> None:
    sheets.edit("purchases", identity_of(fact)).update(state="cancelling", cancel_requested=True)


def _ticket_changed(sheets: Sheets, fact: Fact, _: int) -> None:
    """Show a purchase's ticket as its own document stands."""
    ticket = sheets.find("tickets", identity_of(fact)) if fact.originator_id.startswith("ticket:") else None
    if ticket is None:
        return
    fields = ("ticket_id", "ticket_type_id", "state", "token", "mint_address", "mint_signature")
    shown = {field: ticket[field] for field in fields}
    document = sheets.edit("purchases", ticket["purchase_id"])
    tickets = document.setdefault("tickets", [])
    for number, known in enumerate(tickets):
        if known["ticket_id"] == shown["ticket_id"]:
            tickets[number] = shown
            return
    tickets.append(shown)


PURCHASE_FOLDS: dict[type[Fact], Fold] = {
    PurchaseRequested: _requested,
    PurchaseRequestedAgain: _requested_again,
    PurchaseRefused: _order("refused", reason="code"),
    PurchaseRevived: _revived,
    HoldsPlaced: _held,
    OrderPlaced: _placed,
    CheckoutOpened: _deadline,
    HoldExtended: _deadline,
    CancelRequested: _cancel_requested,
    CaptureRequested: _order("confirming"),
    CaptureWaived: _order("confirming"),
    OrderConfirmed: _confirmed,
    OrderFulfilled: _order("fulfilled"),
    OrderCancelled: _order("cancelled", reason="reason"),
    **PAYMENT_FOLDS,
    **TRANSFER_FOLDS,
    TicketReserved: _ticket_changed,
    TicketIssued: _ticket_changed,
    TicketVoided: _ticket_changed,
    TicketRedeemed: _ticket_changed,
    BurnSigned: _ticket_changed,
    TokenBurnt: _ticket_changed,
    TokenForgone: _ticket_changed,
    TokenSigned: _ticket_changed,
    TokenMinted: _ticket_changed,
}
