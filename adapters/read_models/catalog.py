"""The folds of venues, shows, stock, tickets' tokens, reservations and books into read models."""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.read_models.documents import (
    ALLOCATIONS,
    FILES,
    HOLDS,
    PURCHASES,
    REFUNDS,
    RESERVATIONS,
    SHOWS,
    TICKETS,
    VENUES,
    DocumentBatch,
    ReadModel,
)
from domain.catalog.details import ShowDetails
from domain.catalog.show import (
    CapacityChangeBegun,
    CapacityChangeEnded,
    ShowAnnounced,
    ShowWentOnSale,
)
from domain.catalog.venue import VenueRegistered, VenueZoneChanged
from domain.core.aggregate import DomainEvent
from domain.core.timestamp import iso
from domain.money.money import FeeRates
from domain.stock.allocation import (
    AllocationOpened,
    AllocationResized,
    HoldConfirmed,
    HoldEnded,
    HoldsPlaced,
    HoldUnconfirmed,
    SeatsRestocked,
)
from domain.stock.reservation import ReservationConfirmed, ReservationEnded, ReservationMade, ReservationState
from domain.tickets.claiming import ClaimDone, ClaimLapsed, TicketClaimed
from domain.tickets.has_token import MetadataDrawn, MetadataPinned, TokenMinted, TokenSigned
from domain.tickets.ticket import (
    CodeIssuedAnew,
    EntryUndone,
    LeafEnded,
    LeafRecorded,
    TicketBlocked,
    TicketIssued,
    TicketRedeemed,
    TicketReserved,
    TicketState,
    TicketUnblocked,
    TicketVoided,
    TokenBurnt,
    TokenForgone,
)
from domain.views.catalog import (
    AllocationDocument,
    FileDocument,
    HoldDocument,
    ReservationDocument,
    ShowDocument,
    TicketTypeDocument,
    VenueDocument,
    details_document,
    rates_document,
)
from domain.views.common import TokenFields, TokenWord, no_token
from domain.views.purchase import TicketDocument

Fold = Callable[[DocumentBatch, Any, int], None]
TOKEN_MODELS: Mapping[str, ReadModel[Any]] = {"venue": VENUES, "show": SHOWS, "ticket": TICKETS}


def identity_of(event: DomainEvent) -> str:
    """Return the id of the event's aggregate, without its kind."""
    return event.originator_id.partition(":")[2]


def _venue(documents: DocumentBatch, event: VenueRegistered, _: int) -> None:
    venue_id = identity_of(event)
    venue: VenueDocument = {
        "venue_id": venue_id,
        "tenant_id": event.tenant_id,
        "name": event.name,
        "rates": rates_document(FeeRates.model_validate(event.rates)),
        "time_zone": event.time_zone,
        "registered_at": event.timestamp.isoformat(),
        **no_token(),
    }
    documents.put(VENUES, venue_id, venue)


def _venue_zone(documents: DocumentBatch, event: VenueZoneChanged, _: int) -> None:
    if venue := documents.edit(VENUES, identity_of(event)):
        venue["time_zone"] = event.time_zone


def _show(documents: DocumentBatch, event: ShowAnnounced, _: int) -> None:
    show_id, named = identity_of(event), {"name": event.name, "ends_at": event.ends_at}
    show: ShowDocument = {
        "show_id": show_id,
        "tenant_id": event.tenant_id,
        "venue_id": event.venue_id,
        "currency": event.currency,
        "hold_seconds": event.hold_seconds,
        "capture_method": event.capture_method,
        "ticket_types": [_ticket_type(item) for item in event.ticket_types],
        "on_sale": False,
        "called_off": False,
        "capacity_change": None,
        "tax": {"rate_bps": event.tax_bps, "inclusive": event.tax_inclusive},
        "sale_from": iso(event.sale_from),
        "sale_until": iso(event.sale_until),
        "resell_refunded": event.resell_refunded,
        "unnamed_share_percent": event.unnamed_share_percent,
        "payment_methods": list(event.payment_methods),
        "processing_days": event.processing_days,
        "transfer": event.transfer,
        "minting": event.minting,
        "registered_at": event.timestamp.isoformat(),
        "buyer_tickets_max": event.buyer_tickets_max,
        **details_document(ShowDetails.model_validate({**(event.details or {}), **named})),
        **no_token(),
    }
    documents.put(SHOWS, show_id, show)


def _ticket_type(item: Mapping[str, Any]) -> TicketTypeDocument:
    return {
        "ticket_type_id": item["ticket_type_id"],
        "name": item["name"],
        "price_minor": item["price_minor"],
        "capacity": item["capacity"],
    }


def _capacity_requested(documents: DocumentBatch, event: CapacityChangeBegun, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        capacities = dict(event.capacities)
        show["capacity_change"] = {"number": event.number, "capacities": capacities, "state": "under-way"}


def _capacity_ended(documents: DocumentBatch, event: CapacityChangeEnded, _: int) -> None:
    if (show := documents.edit(SHOWS, identity_of(event))) and (change := show["capacity_change"]):
        change["state"] = "made" if event.made else "refused"


def _on_sale(documents: DocumentBatch, event: ShowWentOnSale, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show["on_sale"] = True


def _token_fields(documents: DocumentBatch, event: DomainEvent) -> TokenFields | None:
    """Return the document of the token's subject, to change."""
    kind, __, identity = event.originator_id.partition(":")
    return documents.edit(TOKEN_MODELS[kind], identity)


def _token_signed(documents: DocumentBatch, event: TokenSigned, _: int) -> None:
    if subject := _token_fields(documents, event):
        subject.update({"token": "signed"})


def _token_minted(documents: DocumentBatch, event: TokenMinted, _: int) -> None:
    if subject := _token_fields(documents, event):
        subject.update({"token": "minted", "mint_address": event.mint_address, "mint_signature": event.signature})


def _ticket(documents: DocumentBatch, event: TicketReserved, _: int) -> None:
    ticket_id = identity_of(event)
    ticket: TicketDocument = {
        "ticket_id": ticket_id,
        "tenant_id": event.tenant_id,
        "purchase_id": event.purchase_id,
        "show_id": event.show_id,
        "ticket_type_id": event.ticket_type_id,
        "public_name": event.public_name or ticket_id,
        "leaf_index": None,
        "state": "reserved",
        "blocked": False,
        "dispute_ids": [],
        "entered": False,
        "claim": "none",
        "claim_lapsed": None,
        "claimed_at": None,
        "generation": 0,
        "reserved_at": event.timestamp.isoformat(),
        **no_token(),
    }
    documents.put(TICKETS, ticket_id, ticket)


def _ticket_is(state: TicketState) -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if ticket := documents.edit(TICKETS, identity_of(event)):
            ticket["state"] = state

    return fold


def _entry(state: TicketState, *, entered: bool) -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if ticket := documents.edit(TICKETS, identity_of(event)):
            ticket["state"], ticket["entered"] = state, entered

    return fold


def _ticket_blocked(documents: DocumentBatch, event: TicketBlocked, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["dispute_ids"] = [*ticket["dispute_ids"], event.dispute_id]
        ticket["blocked"] = True


def _ticket_unblocked(documents: DocumentBatch, event: TicketUnblocked, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["dispute_ids"] = [one for one in ticket["dispute_ids"] if event.dispute_id not in {one, None}]
        ticket["blocked"] = bool(ticket["dispute_ids"])


def _token_is(word: TokenWord) -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if ticket := documents.edit(TICKETS, identity_of(event)):
            ticket["token"] = word

    return fold


def _claim_requested(documents: DocumentBatch, event: TicketClaimed, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["claim"], ticket["claim_lapsed"], ticket["claimed_at"] = "requested", None, iso(event.timestamp)


def _claim_done(documents: DocumentBatch, event: ClaimDone, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["claim"], ticket["generation"] = "done", event.generation


def _code_anew(documents: DocumentBatch, event: CodeIssuedAnew, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["generation"] = event.generation


def _claim_lapsed(documents: DocumentBatch, event: ClaimLapsed, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["claim"], ticket["claim_lapsed"], ticket["claimed_at"] = "none", event.reason, None


def _leaf_recorded(documents: DocumentBatch, event: LeafRecorded, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["leaf_index"] = int(event.leaf["index"])


def _leaf_ended(documents: DocumentBatch, event: LeafEnded, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["leaf_index"] = None


def _allocation(documents: DocumentBatch, event: AllocationOpened, _: int) -> None:
    stock: AllocationDocument = {"show_id": event.show_id, "capacity": event.capacity, "held": 0, "sold": 0}
    documents.put(ALLOCATIONS, event.ticket_type_id, stock)


def _resized(documents: DocumentBatch, event: AllocationResized, _: int) -> None:
    if stock := documents.edit(ALLOCATIONS, identity_of(event)):
        stock["capacity"] = event.capacity


def _holds(documents: DocumentBatch, event: HoldsPlaced, _: int) -> None:
    stock = documents.edit(ALLOCATIONS, identity_of(event))
    for hold in event.holds:
        placed: HoldDocument = {"quantity": hold["quantity"], "maker": hold["maker"]}
        documents.put(HOLDS, _hold_name(event, hold["key"]), placed)
        if stock:
            stock["held"] += hold["quantity"]
        purchase = documents.edit(PURCHASES, hold["key"].partition(":hold:")[0])
        if purchase and purchase["state"] == "requested":
            purchase["state"] = "reserving"


def _hold_name(event: DomainEvent, key: str) -> str:
    return f"{identity_of(event)}:{key}"


def _move(held: int, sold: int) -> Fold:
    """Return a fold that moves a hold's quantity by these signs; a tombstone without a hold moves nothing."""

    def fold(documents: DocumentBatch, event: Any, _: int) -> None:
        hold = documents.find(HOLDS, _hold_name(event, event.key))
        if hold and (stock := documents.edit(ALLOCATIONS, identity_of(event))):
            stock["held"] += held * hold["quantity"]
            stock["sold"] += sold * hold["quantity"]

    return fold


def _seats_returned(documents: DocumentBatch, event: SeatsRestocked, _: int) -> None:
    if stock := documents.edit(ALLOCATIONS, identity_of(event)):
        stock["sold"] -= event.quantity
    if hold := documents.edit(HOLDS, _hold_name(event, event.key)):
        hold["quantity"] -= event.quantity
    if refund := documents.edit(REFUNDS, event.refund_id):
        refund["resold"] = True


def _reservation(documents: DocumentBatch, event: ReservationMade, _: int) -> None:
    until = event.until.isoformat()
    made: ReservationDocument = {
        "tenant_id": event.tenant_id, "show_id": event.show_id, "until": until, "state": "held",
    }  # fmt: skip
    documents.put(RESERVATIONS, identity_of(event), made)


def _reservation_is(state: ReservationState) -> Fold:
    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if reservation := documents.edit(RESERVATIONS, identity_of(event)):
            reservation["state"] = state

    return fold


def _drawn(documents: DocumentBatch, event: MetadataDrawn, _: int) -> None:
    for cid, media_type, content in (
        (event.cid, "application/json", event.document),
        (event.image_cid, "image/svg+xml", event.image),
    ):
        if documents.find(FILES, cid) is None:  # two shows may draw the same file
            file: FileDocument = {
                "cid": cid,
                "media_type": media_type,
                "content": content,
                "subject": event.originator_id,
                "pinned": False,
            }
            documents.put(FILES, cid, file)
    if event.about and (show := documents.edit(SHOWS, identity_of(event))):
        for item in show["ticket_types"]:
            if item["ticket_type_id"] == event.about:
                item["image_cid"] = event.image_cid


def _pinned(documents: DocumentBatch, event: MetadataPinned, _: int) -> None:
    if file := documents.edit(FILES, event.cid):
        file["pinned"] = True


TICKET_FOLDS: dict[type[DomainEvent], Fold] = {
    TokenSigned: _token_signed,
    TokenMinted: _token_minted,
    TicketReserved: _ticket,
    TicketIssued: _ticket_is("issued"),
    TicketVoided: _ticket_is("void"),
    TicketRedeemed: _entry("redeemed", entered=True),
    EntryUndone: _entry("issued", entered=False),
    CodeIssuedAnew: _code_anew,
    TicketBlocked: _ticket_blocked,
    TicketUnblocked: _ticket_unblocked,
    TokenBurnt: _token_is("burnt"),
    TokenForgone: _token_is("none"),
    TicketClaimed: _claim_requested,
    ClaimDone: _claim_done,
    ClaimLapsed: _claim_lapsed,
    LeafRecorded: _leaf_recorded,
    LeafEnded: _leaf_ended,
}
FOLDS: dict[type[DomainEvent], Fold] = {
    VenueRegistered: _venue,
    VenueZoneChanged: _venue_zone,
    ShowAnnounced: _show,
    ShowWentOnSale: _on_sale,
    CapacityChangeBegun: _capacity_requested,
    CapacityChangeEnded: _capacity_ended,
    MetadataDrawn: _drawn,
    MetadataPinned: _pinned,
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
}
