"""The folds of venues, shows, stock, tickets' tokens, reservations and books into read models."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.documents import DocumentBatch
from domain.catalog.discount import DiscountClaimed, DiscountCreated, DiscountReturned, DiscountTerms
from domain.catalog.show import (
    CapacityChangeBegun,
    CapacityChangeEnded,
    PriceChanged,
    SaleWindowChanged,
    ShowAnnounced,
    ShowWentOnSale,
)
from domain.catalog.venue import VenueRegistered
from domain.core.aggregate import DomainEvent
from domain.money.books import TransactionPosted
from domain.money.statement import Entry
from domain.payouts.payee import AccountChanged, AccountConnected, PayeeNamed
from domain.stock.allocation import (
    AllocationOpened,
    AllocationResized,
    HoldConfirmed,
    HoldEnded,
    HoldsPlaced,
    HoldUnconfirmed,
    SeatsRestocked,
)
from domain.stock.reservation import ReservationConfirmed, ReservationEnded, ReservationMade
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.ticket import TicketIssued, TicketRedeemed, TicketReserved, TicketVoided, TokenBurnt, TokenForgone

Fold = Callable[[DocumentBatch, Any, int], None]
SIGNED = "signed"
TOKEN_SHEETS = {"venue": "venues", "show": "shows", "ticket": "tickets"}


def identity_of(event: DomainEvent) -> str:
    """Return the id of the event's aggregate, without its kind."""
    return event.originator_id.partition(":")[2]


def no_token() -> dict[str, Any]:
    """Return the fields of a subject that has no token yet."""
    return {"mint_address": None, "mint_signature": None}


def _venue(documents: DocumentBatch, event: VenueRegistered, _: int) -> None:
    venue_id = identity_of(event)
    document = {"venue_id": venue_id, "tenant_id": event.tenant_id, "name": event.name, "rates": event.rates}
    documents.put("venues", venue_id, {**document, "registered_at": event.timestamp.isoformat(), **no_token()})


def _show(documents: DocumentBatch, event: ShowAnnounced, _: int) -> None:
    show_id = identity_of(event)
    document = {
        "show_id": show_id,
        "tenant_id": event.tenant_id,
        "venue_id": event.venue_id,
        "name": event.name,
        "currency": event.currency,
        "hold_seconds": event.hold_seconds,
        "capture_method": event.capture_method,
        "ticket_types": [dict(item) for item in event.ticket_types],
        "on_sale": False,
        "capacity_change": None,
        "tax": {"rate_bps": event.tax_bps, "inclusive": event.tax_inclusive},
        **_window(event),
        "ends_at": event.ends_at and event.ends_at.isoformat(),
        "resell_refunded": event.resell_refunded,
        "registered_at": event.timestamp.isoformat(),
    }
    documents.put("shows", show_id, {**document, **no_token()})


def _window(event: ShowAnnounced | SaleWindowChanged) -> dict[str, Any]:
    moments = {"sale_from": event.sale_from, "sale_until": event.sale_until}
    return {name: moment and moment.isoformat() for name, moment in moments.items()}


def _window_changed(documents: DocumentBatch, event: SaleWindowChanged, _: int) -> None:
    documents.edit("shows", identity_of(event)).update(_window(event))


def _price_changed(documents: DocumentBatch, event: PriceChanged, _: int) -> None:
    for item in documents.edit("shows", identity_of(event)).get("ticket_types", []):
        if item["ticket_type_id"] == event.ticket_type_id:
            item["price_minor"] = event.price_minor


def _capacity_asked(documents: DocumentBatch, event: CapacityChangeBegun, _: int) -> None:
    change = {"number": event.number, "capacities": dict(event.capacities), "state": "under-way"}
    documents.edit("shows", identity_of(event))["capacity_change"] = change


def _capacity_ended(documents: DocumentBatch, event: CapacityChangeEnded, _: int) -> None:
    change = documents.edit("shows", identity_of(event)).get("capacity_change")
    if change is not None:
        change["state"] = "made" if event.made else "refused"


def _discount(documents: DocumentBatch, event: DiscountCreated, _: int) -> None:
    terms = DiscountTerms.model_validate(event.terms).model_dump(mode="json")
    document = {"tenant_id": event.tenant_id, "show_id": event.show_id, "code": event.code, **terms, "in_use": 0}
    documents.put("discounts", identity_of(event), document)


def _claims(change: int) -> Fold:
    """Return a fold that counts the orders that use one of a limited number."""

    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        document = documents.edit("discounts", identity_of(event))
        document["in_use"] = document.get("in_use", 0) + change

    return fold


def _on_sale(documents: DocumentBatch, event: ShowWentOnSale, _: int) -> None:
    documents.edit("shows", identity_of(event))["on_sale"] = True


def _token_signed(documents: DocumentBatch, event: TokenSigned, _: int) -> None:
    kind, __, identity = event.originator_id.partition(":")
    documents.edit(TOKEN_SHEETS[kind], identity)["token"] = SIGNED


def _token_minted(documents: DocumentBatch, event: TokenMinted, _: int) -> None:
    kind, __, identity = event.originator_id.partition(":")
    token = {"token": "minted", "mint_address": event.mint_address, "mint_signature": event.signature}
    documents.edit(TOKEN_SHEETS[kind], identity).update(token)


def _ticket(documents: DocumentBatch, event: TicketReserved, _: int) -> None:
    ticket_id = identity_of(event)
    document = {
        "ticket_id": ticket_id,
        "tenant_id": event.tenant_id,
        "purchase_id": event.purchase_id,
        "show_id": event.show_id,
        "ticket_type_id": event.ticket_type_id,
        "state": "reserved",
        "token": "none",
    }
    documents.put("tickets", ticket_id, {**document, **no_token()})


def _ticket_is(word: str, field: str = "state") -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        documents.edit("tickets", identity_of(event))[field] = word

    return fold


def _allocation(documents: DocumentBatch, event: AllocationOpened, _: int) -> None:
    document = {"show_id": event.show_id, "capacity": event.capacity, "held": 0, "sold": 0}
    documents.put("allocations", event.ticket_type_id, document)


def _resized(documents: DocumentBatch, event: AllocationResized, _: int) -> None:
    documents.edit("allocations", identity_of(event))["capacity"] = event.capacity


def _holds(documents: DocumentBatch, event: HoldsPlaced, _: int) -> None:
    stock = documents.edit("allocations", identity_of(event))
    for hold in event.holds:
        stock["held"] += hold["quantity"]
        document = {"quantity": hold["quantity"], "maker": hold["maker"]}
        documents.put("holds", _hold_name(event, hold["key"]), document)
        purchase = documents.edit("purchases", hold["key"].partition(":hold:")[0])
        if purchase.get("state") == "requested":
            purchase["state"] = "reserving"


def _hold_name(event: DomainEvent, key: str) -> str:
    return f"{identity_of(event)}:{key}"


def _move(held: int, sold: int) -> Fold:
    """Return a fold that moves a hold's quantity by these signs; a tombstone without a hold moves nothing."""

    def fold(documents: DocumentBatch, event: Any, _: int) -> None:
        hold = documents.find("holds", _hold_name(event, event.key))
        if hold is not None:
            stock = documents.edit("allocations", identity_of(event))
            stock["held"] += held * hold["quantity"]
            stock["sold"] += sold * hold["quantity"]

    return fold


def _seats_returned(documents: DocumentBatch, event: SeatsRestocked, _: int) -> None:
    documents.edit("allocations", identity_of(event))["sold"] -= event.quantity
    documents.edit("holds", _hold_name(event, event.key))["quantity"] -= event.quantity


def _reservation(documents: DocumentBatch, event: ReservationMade, _: int) -> None:
    document = {
        "tenant_id": event.tenant_id,
        "show_id": event.show_id,
        "until": event.until.isoformat(),
        "state": "held",
    }
    documents.put("reservations", identity_of(event), document)


def _reservation_is(state: str) -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        documents.edit("reservations", identity_of(event))["state"] = state

    return fold


def _posted(documents: DocumentBatch, event: TransactionPosted, position: int) -> None:
    for number, posting in enumerate(event.postings):
        line = Entry(
            position,
            number,
            identity_of(event),
            event.purchase_id,
            event.kind,
            event.timestamp,
            posting["debit"],
            posting["credit"],
            posting["amount"],
            posting["unit"],
        )
        documents.postings.append(line)


def _payee(documents: DocumentBatch, event: PayeeNamed, _: int) -> None:
    venue_id = identity_of(event)
    able = {"may_receive": False, "may_pay_out": False, "asked_for": 0}
    documents.put("payees", venue_id, {"venue_id": venue_id, "tenant_id": event.tenant_id, "account_id": None, **able})


def _connected(documents: DocumentBatch, event: AccountConnected, _: int) -> None:
    payee = documents.edit("payees", identity_of(event))
    payee["account_id"] = event.account_id
    owner = {"tenant_id": payee.get("tenant_id"), "venue_id": identity_of(event)}
    documents.put("accounts", event.account_id, owner)


def _account(documents: DocumentBatch, event: AccountChanged, _: int) -> None:
    able = {"may_receive": event.may_receive, "may_pay_out": event.may_pay_out, "asked_for": event.asked_for}
    documents.edit("payees", identity_of(event)).update(able)


TICKET_FOLDS: dict[type[DomainEvent], Fold] = {
    TokenSigned: _token_signed,
    TokenMinted: _token_minted,
    TicketReserved: _ticket,
    TicketIssued: _ticket_is("issued"),
    TicketVoided: _ticket_is("void"),
    TicketRedeemed: _ticket_is("redeemed"),
    TokenBurnt: _ticket_is("burnt", "token"),
    TokenForgone: _ticket_is("none", "token"),
}
FOLDS: dict[type[DomainEvent], Fold] = {
    PayeeNamed: _payee,
    AccountConnected: _connected,
    AccountChanged: _account,
    VenueRegistered: _venue,
    ShowAnnounced: _show,
    ShowWentOnSale: _on_sale,
    PriceChanged: _price_changed,
    CapacityChangeBegun: _capacity_asked,
    CapacityChangeEnded: _capacity_ended,
    SaleWindowChanged: _window_changed,
    DiscountCreated: _discount,
    DiscountClaimed: _claims(1),
    DiscountReturned: _claims(-1),
    **TICKET_FOLDS,
    AllocationOpened: _allocation,
    AllocationResized: _resized,
    HoldsPlaced: _holds,
    HoldConfirmed: _move(held=-1, sold=1),
    HoldUnconfirmed: _move(held=1, sold=-1),
    HoldEnded: _move(held=-1, sold=0),
    SeatsRestocked: _seats_returned,
    ReservationMade: _reservation,
    ReservationConfirmed: _reservation_is("confirmed"),
    ReservationEnded: _reservation_is("released"),
    TransactionPosted: _posted,
}
