"""The folds of one purchase: its document, and its timeline of events in plain words."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import FOLDS, TICKET_FOLDS, Fold, identity_of
from adapters.read_models.documents import Document, DocumentBatch, TimelineLine
from adapters.read_models.payment import PAYMENT_FOLDS, PAYMENT_TEXTS
from adapters.read_models.refund import REFUND_FOLDS, REFUND_TEXTS
from adapters.read_models.show_cancellation import CANCELLATION_FOLDS
from adapters.read_models.transfer import TRANSFER_FOLDS, TRANSFER_TEXTS
from domain.catalog.discount import DiscountAsked, DiscountClaimed, DiscountReturned
from domain.catalog.show import GroupCapacityAdded, GroupResizeSigned
from domain.core.aggregate import DomainEvent
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
from domain.orders.reopening import PurchaseReopened
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeWon
from domain.payments.refund import RefundsOpened
from domain.payouts.payee import ShortfallNetted, ShortfallNoted
from domain.payouts.payout import PayoutPaid, PayoutReturned
from domain.payouts.transfer import ReversalRefused
from domain.stock.allocation import HoldConfirmed, HoldEnded, HoldsPlaced, HoldUnconfirmed, SeatsRestocked
from domain.stock.buyer_limit import AllowanceOpened, ClaimEnded, ClaimSold, TicketsClaimed
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

TEXTS: dict[type[DomainEvent], Callable[[Any], str]] = {
    PurchaseRequested: lambda _: "The buyer asked for tickets.",
    PurchaseRequestedAgain: lambda _: "The buyer asked again after a refusal.",
    PurchaseRefused: lambda event: f"The purchase was refused: {event.code}.",
    HoldsPlaced: lambda _: "Seats are held.",
    HoldConfirmed: lambda _: "The held seats were confirmed.",
    HoldUnconfirmed: lambda _: "The confirmation of the seats was taken back.",
    HoldEnded: lambda event: f"The seats were released: {event.reason}.",
    SeatsRestocked: lambda event: f"On sale again: {event.quantity} of its seats.",
    OrderPlaced: lambda event: (
        f"The price is locked: {event.price['total_minor']} {event.price['currency']} minor units."
    ),
    DiscountClaimed: lambda _: "A limited discount is held with the seats.",
    DiscountReturned: lambda event: f"The discount was given back: {event.reason}.",
    TicketReserved: lambda event: f"Ticket {identity_of(event)} was reserved.",
    TicketIssued: lambda event: f"Ticket {identity_of(event)} was issued: it is valid at the door.",
    TicketVoided: lambda event: f"Ticket {identity_of(event)} was voided.",
    PurchaseReopened: lambda event: f"Payment {event.intent_id} came after the end: the purchase is taken up again.",
    CancelRequested: lambda _: "The buyer asked to cancel.",
    CheckoutOpened: lambda _: "The checkout is open: the time of the hold begins.",
    HoldExtended: lambda event: f"The hold goes on until {event.hold_until.isoformat(timespec='seconds')}.",
    CaptureRequested: lambda _: "The money is about to be taken.",
    CaptureWaived: lambda _: "There is nothing to charge.",
    OrderConfirmed: lambda _: "The order is confirmed.",
    TokenSigned: lambda event: f"The minting of ticket {identity_of(event)} was signed.",
    TokenMinted: lambda event: f"Ticket {identity_of(event)} stands on chain at {event.mint_address}.",
    DisputeOpened: lambda event: f"The payment is disputed: {event.amount_minor} minor units, {identity_of(event)}.",
    DisputeWon: lambda _: "The dispute was won: the money is back.",
    DisputeLost: lambda _: "The dispute was lost: the money stays with the buyer.",
    TicketBlocked: lambda event: f"Ticket {identity_of(event)} is blocked while its payment is disputed.",
    TicketUnblocked: lambda event: f"Ticket {identity_of(event)} is valid again.",
    TransactionPosted: lambda event: f"The books have it: {event.kind}.",
    OrderFulfilled: lambda _: "Every ticket is minted and the venue is credited.",
    **PAYMENT_TEXTS,
    **TRANSFER_TEXTS,
    OrderCancelled: lambda event: f"The purchase ended without a sale: {event.reason}.",
    TicketRedeemed: lambda event: f"Somebody entered with ticket {identity_of(event)}.",
    BurnSigned: lambda event: f"The burning of ticket {identity_of(event)} was signed.",
    TokenBurnt: lambda event: f"The token of ticket {identity_of(event)} was burnt.",
    TokenForgone: lambda event: f"Ticket {identity_of(event)} will have no token.",
    **REFUND_TEXTS,
}

UNTOLD = frozenset({RefundsOpened})  # the refund that follows has its words


def fold(documents: DocumentBatch, event: DomainEvent, position: int) -> None:
    """Apply one event to all read models."""
    for folds in TABLES:
        apply = folds.get(type(event))
        if apply is not None:
            apply(documents, event, position)
    for purchase_id in _purchases_of(documents, event):
        document = documents.edit("purchases", purchase_id)
        if document:
            document["position"] = position
            text = TEXTS[type(event)](event)
            documents.timeline.append(TimelineLine(purchase_id, position, event.timestamp, event.TOPIC, text))


def _purchases_of(documents: DocumentBatch, event: Any) -> list[str]:
    """Return the purchases that an event is about; a hold's key names its purchase."""
    if type(event) not in TEXTS:
        return []
    kind, _, identity = event.originator_id.partition(":")
    if kind in {"allocation", "discount"}:
        keys = [hold["key"] for hold in event.holds] if isinstance(event, HoldsPlaced) else [event.key]
        return list(dict.fromkeys(key.partition(":hold:")[0] for key in keys))
    if kind == "ticket":
        ticket = documents.find("tickets", identity)
        return [ticket["purchase_id"]] if ticket else []
    if kind in {"books", "dispute"}:
        return [event.purchase_id] if event.purchase_id else []
    return [identity.partition(":")[0]] if kind in {"order", "payment", "transfer", "refunds"} else []


def _request(event: PurchaseRequested | PurchaseRequestedAgain) -> Document:
    return {
        "state": "requested",
        "show_id": event.show_id,
        "venue_id": None,
        "lines": [dict(line) for line in event.lines],
        "requested_at": event.timestamp.isoformat(),
        "queue_until": event.queue_until.isoformat() if event.queue_until else None,
        "hold_until": first_deadline(event.queue_until, event.hold_until).isoformat(),
        "price": None,
        "tickets": [],
        "payment": None,
        "end_reason": None,
        "cancel_requested": False,
        "discount_code": event.discount_code,
        "confirmed_at": None,
        "refund_state": "none",
        "refunds": [],
    }


def _requested(documents: DocumentBatch, event: PurchaseRequested, _: int) -> None:
    purchase_id = identity_of(event)
    document = {"purchase_id": purchase_id, "tenant_id": event.tenant_id, "attempt": 1}
    documents.put("purchases", purchase_id, {**document, **_request(event)})


def _requested_again(documents: DocumentBatch, event: PurchaseRequestedAgain, _: int) -> None:
    document = documents.edit("purchases", identity_of(event))
    document.update(_request(event), attempt=document.get("attempt", 0) + 1)


def _reopened(documents: DocumentBatch, event: PurchaseReopened, _: int) -> None:
    document = documents.edit("purchases", identity_of(event))
    again: Document = {"state": "awaiting-payment", "end_reason": None, "cancel_requested": False, "tickets": []}
    document.update(again, hold_until=event.hold_until.isoformat(), attempt=document.get("attempt", 0) + 1)


def _order(state: str, *, reason: str | None = None) -> Fold:
    """Return a fold that sets the purchase's state, and its end reason from the event's field of this name."""

    def apply(documents: DocumentBatch, event: Any, _: int) -> None:
        document = documents.edit("purchases", identity_of(event))
        document["state"] = state
        if reason is not None:
            document["end_reason"] = getattr(event, reason)

    return apply


def _confirmed(documents: DocumentBatch, event: OrderConfirmed, _: int) -> None:
    documents.edit("purchases", identity_of(event)).update(state="confirmed", confirmed_at=event.timestamp.isoformat())


def _placed(documents: DocumentBatch, event: OrderPlaced, _: int) -> None:
    lines = [dict(line) for line in event.lines]
    update = {"state": "reserving", "venue_id": event.venue_id, "price": dict(event.price), "lines": lines}
    documents.edit("purchases", identity_of(event)).update(update)


def _deadline(documents: DocumentBatch, event: HoldExtended | CheckoutOpened, _: int) -> None:
    documents.edit("purchases", identity_of(event))["hold_until"] = event.hold_until.isoformat()


def _cancel_requested(documents: DocumentBatch, event: CancelRequested, _: int) -> None:
    documents.edit("purchases", identity_of(event)).update(state="cancelling", cancel_requested=True)


def _ticket_changed(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
    """Show a purchase's ticket as its own document stands."""
    ticket = documents.find("tickets", identity_of(event)) if event.originator_id.startswith("ticket:") else None
    if ticket is None:
        return
    fields = ("ticket_id", "ticket_type_id", "state", "token", "mint_address", "mint_signature")
    shown = {field: ticket[field] for field in fields}
    document = documents.edit("purchases", ticket["purchase_id"])
    tickets = document.setdefault("tickets", [])
    for number, known in enumerate(tickets):
        if known["ticket_id"] == shown["ticket_id"]:
            tickets[number] = shown
            return
    tickets.append(shown)


PURCHASE_FOLDS: dict[type[DomainEvent], Fold] = {
    PurchaseRequested: _requested,
    PurchaseRequestedAgain: _requested_again,
    PurchaseRefused: _order("refused", reason="code"),
    PurchaseReopened: _reopened,
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
    **dict.fromkeys(TICKET_FOLDS, _ticket_changed),
}
TABLES = (FOLDS, PURCHASE_FOLDS, REFUND_FOLDS, CANCELLATION_FOLDS)
# What no document shows: of these the timeline tells what concerns a purchase, the books what concerns money.
UNFOLDED: frozenset[type[DomainEvent]] = frozenset({
    AllowanceOpened, BurnSigned, ClaimEnded, ClaimSold, DiscountAsked, DisputeOpened, DisputeWon, GroupCapacityAdded,
    GroupResizeSigned, PayoutPaid, PayoutReturned, ReversalRefused, ShortfallNetted, ShortfallNoted, TicketBlocked,
    TicketsClaimed, TicketUnblocked,
})  # fmt: skip
