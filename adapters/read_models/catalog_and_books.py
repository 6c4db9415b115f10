"""The folds of venues, shows, stock, tickets' tokens, reservations and books into read models."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.documents import Sheets
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
from domain.core.aggregate import Fact
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
    SeatsReturned,
)
from domain.stock.reservation import ReservationConfirmed, ReservationEnded, ReservationMade
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.ticket import TicketIssued, TicketRedeemed, TicketReserved, TicketVoided, TokenBurnt, TokenForgone

Fold = Callable[[Sheets, Any, int], None]
SIGNED = "signed"
TOKEN_SHEETS = {"venue": "venues", "show": "shows", "ticket": "tickets"}


def identity_of(fact: Fact) -> str:
    """Return the id of the fact's aggregate, without its kind."""
    return fact.originator_id.partition(":")[2]


def no_token() -> dict[str, Any]:
    """Return the fields of a subject that has no token yet."""
    return {"mint_address": None, "mint_signature": None}


def _venue(sheets: Sheets, fact: VenueRegistered, _: int) -> None:
    venue_id = identity_of(fact)
    document = {"venue_id": venue_id, "tenant_id": fact.tenant_id, "name": fact.name, "rates": fact.rates}
    sheets.put("venues", venue_id, {**document, "registered_at": fact.timestamp.isoformat(), **no_token()})


def _show(sheets: Sheets, fact: ShowAnnounced, _: int) -> None:
    show_id = identity_of(fact)
    document = {
        "show_id": show_id,
        "tenant_id": fact.tenant_id,
        "venue_id": fact.venue_id,
        "name": fact.name,
        "currency": fact.currency,
        "hold_seconds": fact.hold_seconds,
        "capture_method": fact.capture_method,
        "ticket_types": [dict(item) for item in fact.ticket_types],
        "on_sale": False,
        "capacity_change": None,
        "tax": {"rate_bps": fact.tax_bps, "inclusive": fact.tax_inclusive},
        **_window(fact),
        "ends_at": fact.ends_at and fact.ends_at.isoformat(),
        "resell_refunded": fact.resell_refunded,
        "registered_at": fact.timestamp.isoformat(),
    }
    sheets.put("shows", show_id, {**document, **no_token()})


def _window(fact: ShowAnnounced | SaleWindowChanged) -> dict[str, Any]:
    moments = {"sale_from": fact.sale_from, "sale_until": fact.sale_until}
    return {name: moment and moment.isoformat() for name, moment in moments.items()}


def _window_changed(sheets: Sheets, fact: SaleWindowChanged, _: int) -> None:
    sheets.edit("shows", identity_of(fact)).update(_window(fact))


def _price_changed(sheets: Sheets, fact: PriceChanged, _: int) -> None:
    for item in sheets.edit("shows", identity_of(fact)).get("ticket_types", []):
        if item["ticket_type_id"] == fact.ticket_type_id:
            item["price_minor"] = fact.price_minor


def _capacity_asked(sheets: Sheets, fact: CapacityChangeBegun, _: int) -> None:
    change = {"number": fact.number, "capacities": dict(fact.capacities), "state": "under-way"}
    sheets.edit("shows", identity_of(fact))["capacity_change"] = change


def _capacity_ended(sheets: Sheets, fact: CapacityChangeEnded, _: int) -> None:
    change = sheets.edit("shows", identity_of(fact)).get("capacity_change")
    if change is not None:
        change["state"] = "made" if fact.made else "refused"


def _discount(sheets: Sheets, fact: DiscountCreated, _: int) -> None:
    terms = DiscountTerms.model_validate(fact.terms).model_dump(mode="json")
    document = {"tenant_id": fact.tenant_id, "show_id": fact.show_id, "code": fact.code, **terms, "in_use": 0}
    sheets.put("discounts", identity_of(fact), document)


def _claims(change: int) -> Fold:
    """Return a fold that counts the orders that use one of a limited number."""

    def fold(sheets: Sheets, fact: Fact, _: int) -> None:
        document = sheets.edit("discounts", identity_of(fact))
        document["in_use"] = document.get("in_use", 0) + change

    return fold


def _on_sale(sheets: Sheets, fact: ShowWentOnSale, _: int) -> None:
    sheets.edit("shows", identity_of(fact))["on_sale"] = True


def _token_signed(sheets: Sheets, fact: TokenSigned, _: int) -> None:
    kind, __, identity = fact.originator_id.partition(":")
    sheets.edit(TOKEN_SHEETS[kind], identity)["token"] = SIGNED


def _token_minted(sheets: Sheets, fact: TokenMinted, _: int) -> None:
    kind, __, identity = fact.originator_id.partition(":")
    token = {"token": "minted", "mint_address": fact.mint_address, "mint_signature": fact.signature}
    sheets.edit(TOKEN_SHEETS[kind], identity).update(token)


def _ticket(sheets: Sheets, fact: TicketReserved, _: int) -> None:
    ticket_id = identity_of(fact)
    document = {
        "ticket_id": ticket_id,
        "tenant_id": fact.tenant_id,
        "purchase_id": fact.purchase_id,
        "show_id": fact.show_id,
        "ticket_type_id": fact.ticket_type_id,
        "state": "reserved",
        "token": "none",
    }
    sheets.put("tickets", ticket_id, {**document, **no_token()})


def _ticket_is(word: str, field: str = "state") -> Fold:
    def fold(sheets: Sheets, fact: Fact, _: int) -> None:
        sheets.edit("tickets", identity_of(fact))[field] = word

    return fold


def _allocation(sheets: Sheets, fact: AllocationOpened, _: int) -> None:
    document = {"show_id": fact.show_id, "capacity": fact.capacity, "held": 0, "sold": 0}
    sheets.put("allocations", fact.ticket_type_id, document)


def _resized(sheets: Sheets, fact: AllocationResized, _: int) -> None:
    sheets.edit("allocations", identity_of(fact))["capacity"] = fact.capacity


def _holds(sheets: Sheets, fact: HoldsPlaced, _: int) -> None:
    stock = sheets.edit("allocations", identity_of(fact))
    for hold in fact.holds:
        stock["held"] += hold["quantity"]
        document = {"quantity": hold["quantity"], "maker": hold["maker"]}
        sheets.put("holds", _hold_name(fact, hold["key"]), document)


def _hold_name(fact: Fact, key: str) -> str:
    return f"{identity_of(fact)}:{key}"


def _move(held: int, sold: int) -> Fold:
    """Return a fold that moves a hold's quantity by these signs; a tombstone without a hold moves nothing."""

    def fold(sheets: Sheets, fact: Any, _: int) -> None:
        hold = sheets.find("holds", _hold_name(fact, fact.key))
        if hold is not None:
            stock = sheets.edit("allocations", identity_of(fact))
            stock["held"] += held * hold["quantity"]
            stock["sold"] += sold * hold["quantity"]

    return fold


def _seats_returned(sheets: Sheets, fact: SeatsReturned, _: int) -> None:
    sheets.edit("allocations", identity_of(fact))["sold"] -= fact.quantity
    sheets.edit("holds", _hold_name(fact, fact.key))["quantity"] -= fact.quantity


def _reservation(sheets: Sheets, fact: ReservationMade, _: int) -> None:
    document = {"tenant_id": fact.tenant_id, "show_id": fact.show_id, "until": fact.until.isoformat(), "state": "held"}
    sheets.put("reservations", identity_of(fact), document)


def _reservation_is(state: str) -> Fold:
    def fold(sheets: Sheets, fact: Fact, _: int) -> None:
        sheets.edit("reservations", identity_of(fact))["state"] = state

    return fold


def _posted(sheets: Sheets, fact: TransactionPosted, position: int) -> None:
    for number, posting in enumerate(fact.postings):
        line = Entry(
            position,
            number,
            identity_of(fact),
            fact.purchase_id,
            fact.kind,
            fact.timestamp,
            posting["debit"],
            posting["credit"],
            posting["amount"],
            posting["unit"],
        )
        sheets.postings.append(line)


def _payee(sheets: Sheets, fact: PayeeNamed, _: int) -> None:
    venue_id = identity_of(fact)
    able = {"may_receive": False, "may_pay_out": False, "asked_for": 0}
    sheets.put("payees", venue_id, {"venue_id": venue_id, "tenant_id": fact.tenant_id, "account_id": None, **able})


def _connected(sheets: Sheets, fact: AccountConnected, _: int) -> None:
    payee = sheets.edit("payees", identity_of(fact))
    payee["account_id"] = fact.account_id
    owner = {"tenant_id": payee.get("tenant_id"), "venue_id": identity_of(fact)}
    sheets.put("accounts", fact.account_id, owner)


def _account(sheets: Sheets, fact: AccountChanged, _: int) -> None:
    able = {"may_receive": fact.may_receive, "may_pay_out": fact.may_pay_out, "asked_for": fact.asked_for}
    sheets.edit("payees", identity_of(fact)).update(able)


FOLDS: dict[type[Fact], Fold] = {
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
    TokenSigned: _token_signed,
    TokenMinted: _token_minted,
    TicketReserved: _ticket,
    TicketIssued: _ticket_is("issued"),
    TicketVoided: _ticket_is("void"),
    TicketRedeemed: _ticket_is("redeemed"),
    TokenBurnt: _ticket_is("burnt", "token"),
    TokenForgone: _ticket_is("none", "token"),
    AllocationOpened: _allocation,
    AllocationResized: _resized,
    HoldsPlaced: _holds,
    HoldConfirmed: _move(held=-1, sold=1),
    HoldUnconfirmed: _move(held=1, sold=-1),
    HoldEnded: _move(held=-1, sold=0),
    SeatsReturned: _seats_returned,
    ReservationMade: _reservation,
    ReservationConfirmed: _reservation_is("confirmed"),
    ReservationEnded: _reservation_is("released"),
    TransactionPosted: _posted,
}
