"""The folds of one purchase: its document, and its timeline of events in plain words."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.read_models.access.door import DOOR_FOLDS
from adapters.read_models.access.keys import KEY_FOLDS
from adapters.read_models.catalog import FOLDS, TICKET_FOLDS, EventText, Fold, identity_of, sets, time_of
from adapters.read_models.documents import DISCOUNTS, PURCHASES, TICKETS, AuditLine, DocumentBatch, TimelineLine
from adapters.read_models.money.books import BOOKS_FOLDS
from adapters.read_models.money.discount import DISCOUNT_FOLDS
from adapters.read_models.money.dispute import DISPUTE_FOLDS, DISPUTE_TEXTS
from adapters.read_models.money.payment import PAYMENT_FOLDS, PAYMENT_TEXTS, say_amount
from adapters.read_models.money.refund import REFUND_FOLDS, REFUND_TEXTS
from adapters.read_models.money.transfer import TRANSFER_FOLDS, TRANSFER_TEXTS
from adapters.read_models.pending.follow_up import FOLLOW_UP_FOLDS
from adapters.read_models.pending.outgoing import keep_outgoing
from adapters.read_models.pending.trees import TREE_FOLDS
from adapters.read_models.shows.cancellation import CANCELLATION_FOLDS
from adapters.read_models.shows.changes import SHOW_CHANGE_FOLDS
from domain.access.operator_act import OperatorActed
from domain.catalog.discount import (
    DiscountClaimed,
    DiscountKeyUsed,
    DiscountReturned,
    discount_id_of,
)
from domain.catalog.show import GroupCapacityAdded, GroupResizeSigned, GroupSizeConfirmed
from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.money.books import TransactionPosted
from domain.orders.order import (
    BuyerCorrectionDecided,
    BuyerErasureDecided,
    CancelRequested,
    CaptureRequested,
    CaptureWaived,
    CheckoutOpened,
    HoldExtended,
    OrderCancelled,
    OrderConfirmed,
    OrderFulfilled,
    OrderGivenUp,
    OrderPlaced,
    PaymentIntentRefused,
    PurchaseMoved,
    PurchaseRefused,
    PurchaseRequested,
    PurchaseRequestedAgain,
    first_deadline,
)
from domain.orders.reopening import PurchaseReopened
from domain.payments.refunds import RefundsOpened, RefundsPriced
from domain.payouts.payee import ShortfallNoted
from domain.payouts.transfer import ReversalRefused
from domain.stock.allocation import HoldConfirmed, HoldEnded, HoldsPlaced, HoldUnconfirmed, SeatsRestocked
from domain.stock.buyer_limit import AllowanceOpened, ClaimEnded, ClaimReduced, ClaimSold, TicketsClaimed
from domain.tickets.check_in import CheckInUndone, TicketScanned
from domain.tickets.claiming import ClaimDone, ClaimLapsed, ClaimSigned, TicketClaimed
from domain.tickets.has_token import MetadataDrawn, MetadataPinned, TokenMinted, TokenSigned
from domain.tickets.ticket import (
    BurnSigned,
    CodeIssuedAnew,
    EntryUndone,
    LeafEnded,
    LeafRecorded,
    TicketIssued,
    TicketRedeemed,
    TicketReserved,
    TicketVoided,
    TokenBurnt,
    TokenForgone,
)
from domain.tickets.ticket_tree import LeafAppended, LeafDebtSettled, LeafNullified, RootSigned, RootWritten, TreeOpened
from domain.views.common import part_of, price_document
from domain.views.purchase import LineDocument, PurchaseDocument, TicketLine

TEXTS: dict[type[DomainEvent], EventText] = {
    PurchaseRequested: lambda *_: "Tickets requested.",
    PurchaseRequestedAgain: lambda *_: "Tickets requested again after a refusal.",
    PurchaseRefused: lambda event, _: f"Purchase refused: {event.code}.",
    HoldsPlaced: lambda *_: "Seats held.",
    HoldConfirmed: lambda *_: "Held seats confirmed.",
    HoldUnconfirmed: lambda *_: "Confirmation of the seats undone.",
    HoldEnded: lambda event, _: f"Seats released: {event.reason}.",
    SeatsRestocked: lambda event, _: f"{event.quantity} seats back on sale.",
    OrderPlaced: lambda event, money: f"Price locked: {money(event.price['total_minor'])}.",
    DiscountClaimed: lambda *_: "Limited discount held.",
    DiscountReturned: lambda event, _: f"Limited discount returned: {event.reason}.",
    TicketReserved: lambda event, _: f"Ticket {identity_of(event)} reserved.",
    TicketIssued: lambda event, _: f"Ticket {identity_of(event)} issued: valid for entry.",
    TicketVoided: lambda event, _: f"Ticket {identity_of(event)} voided.",
    PurchaseReopened: lambda event, _: f"Payment {event.intent_id} arrived late: purchase reopened.",
    CancelRequested: lambda *_: "Cancel requested by the buyer.",
    CheckoutOpened: lambda *_: "Checkout opened: the hold runs from now.",
    PaymentIntentRefused: lambda event, _: f"Stripe refused the payment: {event.reason}.",
    HoldExtended: lambda event, _: f"Hold extended until {event.hold_until.isoformat(timespec='seconds')}.",
    CaptureRequested: lambda *_: "Capture requested.",
    CaptureWaived: lambda *_: "Nothing to charge.",
    OrderConfirmed: lambda *_: "Order confirmed.",
    TokenSigned: lambda event, _: (
        f"Mint of ticket {identity_of(event)} {'found on chain' if event.adopted else 'signed'}."
    ),
    TokenMinted: lambda event, _: f"Ticket {identity_of(event)} minted at {event.mint_address}.",
    LeafRecorded: lambda event, _: f"Ticket {identity_of(event)} is leaf {event.leaf['index']} of its show's tree.",
    LeafEnded: lambda event, _: f"Leaf of ticket {identity_of(event)} nullified: {event.cause}.",
    **DISPUTE_TEXTS,
    TransactionPosted: lambda event, _: f"Posted to the books: {event.kind}.",
    OrderFulfilled: lambda *_: "Every ticket is minted, or a leaf, and the venue is credited.",
    **PAYMENT_TEXTS,
    **TRANSFER_TEXTS,
    OrderCancelled: lambda event, _: f"Purchase ended without a sale: {event.reason}.",
    TicketRedeemed: lambda event, _: f"Ticket {identity_of(event)} used for entry.",
    EntryUndone: lambda event, _: f"Entry with ticket {identity_of(event)} undone.",
    CodeIssuedAnew: lambda event, _: f"Code of ticket {identity_of(event)} issued anew.",
    BurnSigned: lambda event, _: f"Burn of ticket {identity_of(event)} signed.",
    TokenBurnt: lambda event, _: f"Token of ticket {identity_of(event)} burnt.",
    TokenForgone: lambda event, _: f"Ticket {identity_of(event)} gets no token.",
    TicketClaimed: lambda event, _: f"Token of ticket {identity_of(event)} claimed.",
    ClaimSigned: lambda event, _: f"Move of the token of ticket {identity_of(event)} signed.",
    ClaimDone: lambda event, _: f"Token of ticket {identity_of(event)} is in the wallet that claimed it.",
    ClaimLapsed: lambda event, _: f"Claim of ticket {identity_of(event)} lapsed: {event.reason}.",
    **REFUND_TEXTS,
    OperatorActed: lambda event, _: f"An operator acted: {event.act}.",  # its reason is not for the buyer's eyes
}

# The refund that follows has a line, and so has the operator's act; an erasure leaves the purchase as it was, and is in
# the audit; metadata and trees are of a venue or a show.
NOT_IN_TIMELINE = frozenset({
    BuyerCorrectionDecided, BuyerErasureDecided, OrderGivenUp, MetadataDrawn, MetadataPinned, RefundsOpened,
    RefundsPriced, *FOLLOW_UP_FOLDS, TreeOpened, LeafAppended, LeafNullified, LeafDebtSettled, RootSigned, RootWritten,
    TicketScanned, CheckInUndone,
})  # fmt: skip


def fold(documents: DocumentBatch, event: DomainEvent, position: int) -> None:
    """Apply one event to all read models."""
    for folds in TABLES:
        apply = folds.get(type(event))
        if apply is not None:
            apply(documents, event, position)
    keep_outgoing(documents, event, position)
    for purchase_id in _purchases_of(documents, event):
        if purchase := documents.edit(PURCHASES, purchase_id):
            purchase["position"] = position
            text = TEXTS[type(event)](event, partial(say_amount, documents, event, purchase))
            documents.timeline.append(TimelineLine(purchase_id, position, event.timestamp, event.TOPIC, text))
    if event.by:
        documents.audit.append(AuditLine(position, event.timestamp, event.by, event.TOPIC, event.originator_id))


def _purchases_of(documents: DocumentBatch, event: Any) -> list[str]:
    """Return the purchases that an event is about; a hold's key names its purchase."""
    if type(event) not in TEXTS:
        return []
    kind, _, identity = event.originator_id.partition(":")
    if kind in {"allocation", "discount"}:
        keys = [hold["key"] for hold in event.holds] if isinstance(event, HoldsPlaced) else [event.key]
        return list(dict.fromkeys(key.partition(":hold:")[0] for key in keys))
    if kind == "ticket":
        ticket = documents.find(TICKETS, identity)
        return [ticket["purchase_id"]] if ticket else []
    if kind in {"books", "dispute", "operator-act"}:
        return [event.purchase_id] if event.purchase_id else []
    return [identity.partition(":")[0]] if kind in {"order", "payment", "transfer", "refunds"} else []


def _request(
    event: PurchaseRequested | PurchaseRequestedAgain, tenant_id: str, attempt: int, position: int
) -> PurchaseDocument:
    return {
        "purchase_id": identity_of(event),
        "tenant_id": tenant_id,
        "attempt": attempt,
        "position": position,
        "state": event.LEADS_TO,
        "show_id": event.show_id,
        "venue_id": None,
        "lines": [_line(line) for line in event.lines],
        "requested_at": event.timestamp.isoformat(),
        "queue_until": iso(event.queue_until),
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
        "transfer": None,
        "lost_to_disputes_minor": 0,
        "dispute_state": "none",
        "disputes": [],
    }


def _line(line: Mapping[str, Any]) -> LineDocument:
    return part_of({"price_minor": None, "discount_minor": 0, **line}, LineDocument)


def _requested(documents: DocumentBatch, event: PurchaseRequested, position: int) -> None:
    documents.put(PURCHASES, identity_of(event), _request(event, event.tenant_id, 1, position))


def _requested_again(documents: DocumentBatch, event: PurchaseRequestedAgain, position: int) -> None:
    if known := documents.find(PURCHASES, identity_of(event)):
        again = _request(event, known["tenant_id"], known["attempt"] + 1, position)
        documents.put(PURCHASES, known["purchase_id"], again)


def _reopened(documents: DocumentBatch, event: PurchaseReopened, _: int) -> None:
    if purchase := documents.edit(PURCHASES, identity_of(event)):
        purchase.update({"end_reason": None, "cancel_requested": False, "tickets": []})
        purchase["hold_until"] = event.hold_until.isoformat()
        purchase["attempt"] += 1


def _ticket_changed(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
    """Copy a ticket's document into its purchase."""
    ticket = documents.find(TICKETS, identity_of(event)) if event.originator_id.startswith("ticket:") else None
    purchase = documents.edit(PURCHASES, ticket["purchase_id"]) if ticket else None
    if ticket is None or purchase is None:
        return
    tickets, was_used = purchase["tickets"], _uses_code(purchase)
    _put_ticket(tickets, part_of(ticket, TicketLine))
    is_used, code = _uses_code(purchase), purchase["discount_code"]
    if (
        code
        and is_used != was_used
        and (discount := documents.edit(DISCOUNTS, discount_id_of(purchase["show_id"], code)))
    ):
        discount["uses"] += 1 if is_used else -1


def _uses_code(purchase: PurchaseDocument) -> bool:
    return any(ticket["state"] != "void" for ticket in purchase["tickets"])


def _put_ticket(tickets: list[TicketLine], shown: TicketLine) -> None:
    for number, known in enumerate(tickets):
        if known["ticket_id"] == shown["ticket_id"]:
            tickets[number] = shown
            return
    tickets.append(shown)


def _moves(fold: Fold) -> Fold:
    """Return a fold that also moves the purchase, as its aggregate moves."""

    def moved(documents: DocumentBatch, event: PurchaseMoved, position: int) -> None:
        fold(documents, event, position)
        if purchase := documents.edit(PURCHASES, identity_of(event)):
            is_queued = purchase["queue_until"] is not None
            purchase["state"] = event.state_after(purchase["state"], is_queued=is_queued)

    return moved


MOVES: dict[type[PurchaseMoved], Fold] = {
    PurchaseRequested: _requested,
    PurchaseRequestedAgain: _requested_again,
    PurchaseRefused: sets(PURCHASES, end_reason=lambda event: event.code),
    PurchaseReopened: _reopened,
    OrderPlaced: sets(
        PURCHASES,
        "venue_id",
        price=lambda event: price_document(event.price),
        lines=lambda event: [_line(line) for line in event.lines],
    ),
    CheckoutOpened: sets(PURCHASES, "hold_until"),
    CancelRequested: sets(PURCHASES, cancel_requested=True),
    CaptureRequested: sets(PURCHASES),
    CaptureWaived: sets(PURCHASES),
    OrderConfirmed: sets(PURCHASES, confirmed_at=time_of),
    OrderFulfilled: sets(PURCHASES),
    OrderCancelled: sets(PURCHASES, end_reason=lambda event: event.reason),
}
PURCHASE_FOLDS: dict[type[DomainEvent], Fold] = {
    **{event: _moves(fold) for event, fold in MOVES.items()},
    HoldExtended: sets(PURCHASES, "hold_until"),
    **PAYMENT_FOLDS,
    **TRANSFER_FOLDS,
    **DISPUTE_FOLDS,
    **dict.fromkeys(TICKET_FOLDS, _ticket_changed),
}
TABLES = (
    FOLDS,
    BOOKS_FOLDS,
    PURCHASE_FOLDS,
    REFUND_FOLDS,
    SHOW_CHANGE_FOLDS,
    CANCELLATION_FOLDS,
    KEY_FOLDS,
    FOLLOW_UP_FOLDS,
    TREE_FOLDS,
    DOOR_FOLDS,
    DISCOUNT_FOLDS,
)
# Events that change no document; the timeline has those of purchases, the books those of money.
UNFOLDED: frozenset[type[DomainEvent]] = frozenset({
    AllowanceOpened, BurnSigned, BuyerCorrectionDecided, BuyerErasureDecided, ClaimEnded, ClaimSigned, ClaimSold,
    DiscountKeyUsed, GroupCapacityAdded, GroupResizeSigned, GroupSizeConfirmed, OperatorActed, PaymentIntentRefused,
    RefundsOpened, RefundsPriced, ReversalRefused, RootSigned, ShortfallNoted, TicketsClaimed, CheckInUndone,
    ClaimReduced, OrderGivenUp,
})  # fmt: skip
