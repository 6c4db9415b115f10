"""The folds of venues, shows, stock, tickets' tokens, reservations and books into read models."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters.read_models.documents import (
    ALLOCATIONS,
    FILES,
    HOLDS,
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
    TicketType,
)
from domain.catalog.venue import VenueRegistered, VenueZoneChanged
from domain.core.aggregate import DomainEvent
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
from domain.stock.reservation import ReservationConfirmed, ReservationEnded, ReservationMade
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
    TicketUnblocked,
    TicketVoided,
    TokenBurnt,
    TokenForgone,
)
from domain.views.catalog import (
    CapacityChangeDocument,
    FileDocument,
    HoldDocument,
    ShowDocument,
    details_document,
    rates_document,
)
from domain.views.common import TokenFields, check_fields, no_token, part_of, plain

Fold = Callable[[DocumentBatch, Any, int], None]
EventText = Callable[[Any, Callable[[int], str]], str]  # of an event, and of the function that says its amounts
TOKEN_MODELS: Mapping[str, ReadModel[Any]] = {"venue": VENUES, "show": SHOWS, "ticket": TICKETS}


def identity_of(event: DomainEvent) -> str:
    """Return the id of the event's aggregate, without its kind."""
    return event.identity


def time_of(event: DomainEvent) -> str:
    """Return the time of an event as text."""
    return event.timestamp.isoformat()


def given(event: DomainEvent, names: Iterable[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event by these names, and others: a function is called with the event."""
    own = {name: plain(getattr(event, name)) for name in names}
    return own | {name: value(event) if callable(value) else value for name, value in values.items()}


def opens(model: ReadModel[Any], **values: Any) -> Fold:
    """Return a fold that puts the document of an aggregate: these values, and those of its first event.

    A value that is a function is called with the event.
    """
    check_fields(model.view, values)

    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        documents.put(model, identity_of(event), part_of(event, model.view, **given(event, (), values)))

    return fold


def changes(find: Callable[[DocumentBatch, Any], Any], view: type, *names: str, **values: Any) -> Fold:
    """Return a fold that sets these fields of the document that is found for an event, see `given`."""
    check_fields(view, dict.fromkeys(names, None) | values)

    def fold(documents: DocumentBatch, event: DomainEvent, _: int) -> None:
        if document := find(documents, event):
            document.update(given(event, names, values))

    return fold


def sets(model: ReadModel[Any], *names: str, **values: Any) -> Fold:
    """Return a fold that sets these fields of the document of an aggregate, see `given`."""

    def find(documents: DocumentBatch, event: DomainEvent) -> Any:
        return documents.edit(model, identity_of(event))

    return changes(find, model.view, *names, **values)


def _show(documents: DocumentBatch, event: ShowAnnounced, _: int) -> None:
    named = {"name": event.name, "ends_at": event.ends_at}
    show = part_of(
        event,
        ShowDocument,
        show_id=identity_of(event),
        ticket_types=[{name: item[name] for name in TicketType.model_fields} for item in event.ticket_types],
        on_sale=False,
        called_off=False,
        capacity_change=None,
        tax={"rate_bps": event.tax_bps, "inclusive": event.tax_inclusive},
        registered_at=time_of(event),
        **details_document(ShowDetails.model_validate({**(event.details or {}), **named})),
        **no_token(),
    )
    documents.put(SHOWS, show["show_id"], show)


def _capacity_ended(documents: DocumentBatch, event: CapacityChangeEnded, _: int) -> None:
    if (show := documents.edit(SHOWS, identity_of(event))) and (change := show["capacity_change"]):
        change["state"] = "made" if event.made else "refused"


def _token_fields(documents: DocumentBatch, event: DomainEvent) -> TokenFields | None:
    """Return the document of the token's subject, to change."""
    kind, __, identity = event.originator_id.partition(":")
    return documents.edit(TOKEN_MODELS[kind], identity)


def _ticket_blocked(documents: DocumentBatch, event: TicketBlocked, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["dispute_ids"] = [*ticket["dispute_ids"], event.dispute_id]
        ticket["blocked"] = True


def _ticket_unblocked(documents: DocumentBatch, event: TicketUnblocked, _: int) -> None:
    if ticket := documents.edit(TICKETS, identity_of(event)):
        ticket["dispute_ids"] = [one for one in ticket["dispute_ids"] if event.dispute_id not in {one, None}]
        ticket["blocked"] = bool(ticket["dispute_ids"])


def _holds(documents: DocumentBatch, event: HoldsPlaced, _: int) -> None:
    stock = documents.edit(ALLOCATIONS, identity_of(event))
    for hold in event.holds:
        placed: HoldDocument = {"quantity": hold["quantity"], "maker": hold["maker"]}
        documents.put(HOLDS, _hold_name(event, hold["key"]), placed)
        if stock:
            stock["held"] += hold["quantity"]


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


def _drawn(documents: DocumentBatch, event: MetadataDrawn, _: int) -> None:
    for cid, media_type, content in (
        (event.cid, "application/json", event.document),
        (event.image_cid, "image/svg+xml", event.image),
    ):
        if documents.find(FILES, cid) is None:  # two shows may draw the same file
            named = {"cid": cid, "media_type": media_type, "content": content, "subject": event.originator_id}
            documents.put(FILES, cid, part_of(named, FileDocument, pinned=False))
    if event.about and (show := documents.edit(SHOWS, identity_of(event))):
        for item in show["ticket_types"]:
            if item["ticket_type_id"] == event.about:
                item["image_cid"] = event.image_cid


def _file_of(documents: DocumentBatch, event: MetadataPinned) -> FileDocument | None:
    return documents.edit(FILES, event.cid)


TICKET_FOLDS: dict[type[DomainEvent], Fold] = {
    TokenSigned: changes(_token_fields, TokenFields, token="signed"),  # noqa: S106 - a state
    TokenMinted: changes(
        _token_fields,
        TokenFields,
        "mint_address",
        token="minted",  # noqa: S106 - a state
        mint_signature=lambda event: event.signature,
    ),
    TicketReserved: opens(
        TICKETS,
        ticket_id=identity_of,
        public_name=lambda event: event.public_name or identity_of(event),
        leaf_index=None,
        state="reserved",
        blocked=False,
        dispute_ids=lambda _: [],
        entered=False,
        claim="none",
        claim_lapsed=None,
        claimed_at=None,
        generation=0,
        reserved_at=time_of,
        **no_token(),
    ),
    TicketIssued: sets(TICKETS, state="issued"),
    TicketVoided: sets(TICKETS, state="void"),
    TicketRedeemed: sets(TICKETS, state="redeemed", entered=True),
    EntryUndone: sets(TICKETS, state="issued", entered=False),
    CodeIssuedAnew: sets(TICKETS, "generation"),
    TicketBlocked: _ticket_blocked,
    TicketUnblocked: _ticket_unblocked,
    TokenBurnt: sets(TICKETS, token="burnt"),  # noqa: S106 - a state
    TokenForgone: sets(TICKETS, token="none"),  # noqa: S106 - a state
    TicketClaimed: sets(TICKETS, claim="requested", claim_lapsed=None, claimed_at=time_of),
    ClaimDone: sets(TICKETS, "generation", claim="done"),
    ClaimLapsed: sets(TICKETS, claim="none", claim_lapsed=lambda event: event.reason, claimed_at=None),
    LeafRecorded: sets(TICKETS, leaf_index=lambda event: int(event.leaf["index"])),
    LeafEnded: sets(TICKETS, leaf_index=None),
}
FOLDS: dict[type[DomainEvent], Fold] = {
    VenueRegistered: opens(
        VENUES,
        venue_id=identity_of,
        rates=lambda event: rates_document(FeeRates.model_validate(event.rates)),
        registered_at=time_of,
        **no_token(),
    ),
    VenueZoneChanged: sets(VENUES, "time_zone"),
    ShowAnnounced: _show,
    ShowWentOnSale: sets(SHOWS, on_sale=True),
    CapacityChangeBegun: sets(
        SHOWS, capacity_change=lambda event: part_of(event, CapacityChangeDocument, state="under-way")
    ),
    CapacityChangeEnded: _capacity_ended,
    MetadataDrawn: _drawn,
    MetadataPinned: changes(_file_of, FileDocument, pinned=True),
    **TICKET_FOLDS,
    AllocationOpened: opens(ALLOCATIONS, held=0, sold=0),
    AllocationResized: sets(ALLOCATIONS, "capacity"),
    HoldsPlaced: _holds,
    HoldConfirmed: _move(held=-1, sold=1),
    HoldUnconfirmed: _move(held=1, sold=-1),
    HoldEnded: _move(held=-1, sold=0),
    SeatsRestocked: _seats_returned,
    ReservationMade: opens(RESERVATIONS, state="held"),
    ReservationConfirmed: sets(RESERVATIONS, state="confirmed"),
    ReservationEnded: sets(RESERVATIONS, state="released"),
}
