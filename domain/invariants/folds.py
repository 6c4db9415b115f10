"""Folds of the events into the summaries judged by the invariants.

They are independent of the aggregates' folds, so that a fault in one of those shows, and so that a broken history can
be read to its end.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from domain.catalog.discount import DiscountClaimed, DiscountReturned
from domain.catalog.show import ShowAnnounced
from domain.core.aggregate import DomainEvent
from domain.invariants.leaves import LEAF_FOLDS
from domain.invariants.money.folds import MONEY_FOLDS
from domain.invariants.state import LIVE, HoldSummary, InvariantState, StockSummary, TicketSummary
from domain.orders.order import (
    CheckoutOpened,
    HoldExtended,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    PurchaseRefused,
    PurchaseRequested,
    PurchaseRequestedAgain,
    first_deadline,
)
from domain.orders.reopening import PurchaseReopened
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
from domain.tickets.claiming import ClaimDone, ClaimLapsed, ClaimSigned, TicketClaimed
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.ticket import EntryUndone, TicketIssued, TicketRedeemed, TicketReserved, TicketVoided


def apply(state: InvariantState, event: DomainEvent) -> None:
    """Fold one event; raise LookupError if no earlier event created its subject."""
    fold = FOLDS.get(type(event))
    if fold is not None:
        fold(state, event)


def purchase_of(hold_key: str) -> str:
    """Return the owner of a hold; a purchase's hold key also names the attempt."""
    return hold_key.partition(":hold:")[0]


def _wanted(lines: Iterable[dict[str, Any]]) -> dict[str, int]:
    return {line["ticket_type_id"]: line["quantity"] for line in lines}


def _opened(all_of: InvariantState, event: AllocationOpened) -> None:
    all_of.touched.add(("stock", event.identity))
    all_of.stocks[event.identity] = StockSummary(event.capacity)


def _resized(all_of: InvariantState, event: AllocationResized) -> None:
    all_of.stock(event.identity).capacity = event.capacity


def _placed(all_of: InvariantState, event: HoldsPlaced) -> None:
    ticket_type_id = event.identity
    stock = all_of.stock(ticket_type_id)
    for hold in event.holds:
        stock.claims.setdefault(hold["key"], HoldSummary(hold["quantity"], ""))
        stock.held += hold["quantity"]
        _turn(all_of, ticket_type_id, hold["key"], "held")


def _sold(state: str, sign: int) -> Callable[[InvariantState, HoldConfirmed | HoldUnconfirmed], None]:
    def fold(all_of: InvariantState, event: HoldConfirmed | HoldUnconfirmed) -> None:
        stock = all_of.stock(event.identity)
        quantity = sign * _turn(all_of, event.identity, event.key, state)
        stock.held, stock.sold = stock.held - quantity, stock.sold + quantity

    return fold


def _released(all_of: InvariantState, event: HoldEnded) -> None:
    stock = all_of.stock(event.identity)
    stock.claims.setdefault(event.key, HoldSummary(0, ""))  # a tombstone for a hold that has not arrived
    stock.held -= _turn(all_of, event.identity, event.key, "released")


def _given_back(all_of: InvariantState, event: SeatsRestocked) -> None:
    ticket_type_id = event.identity
    stock, purchase = all_of.stock(ticket_type_id), all_of.purchase(purchase_of(event.key))
    stock.claims[event.key].quantity -= event.quantity
    stock.sold -= event.quantity
    stock.by_state["confirmed"] -= event.quantity
    purchase.seats[ticket_type_id, "confirmed"] -= event.quantity
    purchase.returned_seats[ticket_type_id] += event.quantity


def _turn(all_of: InvariantState, ticket_type_id: str, key: str, state: str) -> int:
    """Move a hold to a state, in the sums by state and in its owner's seats; return its quantity."""
    stock = all_of.stocks[ticket_type_id]
    claim, seats = stock.claims[key], all_of.purchase(purchase_of(key)).seats
    for name, sign in ((claim.state, -1), (state, 1)):
        if name in LIVE:
            stock.by_state[name] += sign * claim.quantity
            seats[ticket_type_id, name] += sign * claim.quantity
    claim.state = state
    return claim.quantity


def _requested(all_of: InvariantState, event: PurchaseRequested | PurchaseRequestedAgain) -> None:
    purchase = all_of.purchase(event.identity)
    purchase.kind, purchase.state, purchase.end = "order", "open", None
    purchase.deadline, purchase.wanted = first_deadline(event.queue_until, event.hold_until), _wanted(event.lines)


def _reserved(all_of: InvariantState, event: ReservationMade) -> None:
    purchase = all_of.purchase(event.identity)
    purchase.kind, purchase.state, purchase.end = "reservation", "held", None
    purchase.deadline, purchase.wanted = event.until, _wanted(event.lines)


def _priced(all_of: InvariantState, event: OrderPlaced) -> None:
    purchase, price = all_of.purchase(event.identity), event.price
    purchase.venue_id, purchase.currency, purchase.total_minor = event.venue_id, price["currency"], price["total_minor"]
    purchase.charge_minor = purchase.total_minor if price.get("tender", "card") == "card" else 0
    purchase.tax_minor = price.get("tax_minor", 0)  # older events have none
    purchase.platform_minor, purchase.processing_minor = price["platform_fee_minor"], price["processing_fee_minor"]
    fees = purchase.platform_minor + purchase.processing_minor
    purchase.share_minor = purchase.total_minor - fees - purchase.tax_minor


def _claimed(all_of: InvariantState, event: DiscountClaimed) -> None:
    all_of.purchase(purchase_of(event.key)).discounts.add(event.identity)


def _returned(all_of: InvariantState, event: DiscountReturned) -> None:
    all_of.purchase(purchase_of(event.key)).discounts.discard(event.identity)


def _extended(all_of: InvariantState, event: HoldExtended | CheckoutOpened) -> None:
    all_of.purchase(event.identity).deadline = event.hold_until


def _end(state: str, end: Literal["sold", "unsold"]) -> Callable[[InvariantState, DomainEvent], None]:
    def fold(all_of: InvariantState, event: DomainEvent) -> None:
        purchase = all_of.purchase(event.identity)
        purchase.state, purchase.end = state, end

    return fold


def _ticketed(all_of: InvariantState, event: TicketReserved) -> None:
    at_claim = event.show_id in all_of.soulbound_shows
    all_of.tickets[event.identity] = TicketSummary(event.purchase_id, event.ticket_type_id, at_claim=at_claim)
    purchase = all_of.purchase(event.purchase_id)
    purchase.tickets.append(event.identity)
    purchase.live_tickets[event.ticket_type_id] += 1


def _issued(all_of: InvariantState, event: TicketIssued) -> None:
    ticket = all_of.ticket(event.identity)
    all_of.purchase(ticket.purchase).live_tickets[ticket.ticket_type_id] += ticket.state == "void"
    ticket.state = "issued"


def _voided(all_of: InvariantState, event: TicketVoided) -> None:
    ticket = all_of.ticket(event.identity)
    all_of.purchase(ticket.purchase).live_tickets[ticket.ticket_type_id] -= ticket.state != "void"
    ticket.state = "void"


def _entered(all_of: InvariantState, event: TicketRedeemed) -> None:
    ticket = all_of.ticket(event.identity)
    if ticket.check_in_id is not None:
        ticket.misused = "it gave entry a second time"
    elif ticket.state != "issued":
        ticket.misused = f"it gave entry, and is {ticket.state}"
    ticket.check_in_id = event.check_in_id


def _entry_undone(all_of: InvariantState, event: EntryUndone) -> None:
    ticket = all_of.ticket(event.identity)
    if ticket.check_in_id != event.check_in_id:
        ticket.misused = "an entry was undone that it did not give"
    ticket.check_in_id = None


def _minted(all_of: InvariantState, event: TokenMinted) -> None:
    if event.originator_id.startswith("ticket:"):
        ticket = all_of.ticket(event.identity)
        ticket.addresses = (*ticket.addresses, event.mint_address)
        all_of.holders.setdefault(event.mint_address, event.identity)
    else:
        all_of.minted_groups.add(event.mint_address)


def _token_signed(all_of: InvariantState, event: TokenSigned) -> None:
    address = str(event.signed["mint_address"])
    all_of.signed.setdefault(address, event.originator_id)
    if event.originator_id.startswith("ticket:"):
        ticket = all_of.ticket(event.identity)
        ticket.signed = tuple(dict.fromkeys((*ticket.signed, address)))
        if ticket.at_claim and ticket.claim != "requested":
            ticket.stray = "its token cannot be moved, and was signed for nobody who claimed it"


def _announced(all_of: InvariantState, event: ShowAnnounced) -> None:
    if event.transfer == "soulbound":
        all_of.soulbound_shows.add(event.identity)


def _claim_opened(all_of: InvariantState, event: TicketClaimed) -> None:
    ticket = all_of.ticket(event.identity)
    if ticket.claim != "none":
        ticket.stray = "it was claimed a second time"
    ticket.claim, ticket.transfers = "requested", ()


def _claim_signed(all_of: InvariantState, event: ClaimSigned) -> None:
    ticket = all_of.ticket(event.identity)
    if ticket.at_claim or ticket.claim != "requested":
        ticket.stray = f"a move of its token was signed, and its claim is {ticket.claim}"
    ticket.transfers = (*ticket.transfers, str(event.signed["signature"]))


def _claim_done(all_of: InvariantState, event: ClaimDone) -> None:
    ticket = all_of.ticket(event.identity)
    if ticket.claim != "requested" or not ticket.addresses:
        ticket.stray = f"its token was delivered, and its claim is {ticket.claim}"
    elif ticket.transfers and event.signature not in ticket.transfers:
        ticket.stray = "its token was delivered by a transaction that was not stored before"
    ticket.claim = "done"


def _claim_lapsed(all_of: InvariantState, event: ClaimLapsed) -> None:
    all_of.ticket(event.identity).claim = "none"


def _reopened(all_of: InvariantState, event: PurchaseReopened) -> None:
    purchase = all_of.purchase(event.identity)
    purchase.state, purchase.end, purchase.deadline = "open", None, event.hold_until


FOLDS: dict[type[DomainEvent], Callable[[InvariantState, Any], None]] = {
    AllocationOpened: _opened,
    AllocationResized: _resized,
    HoldsPlaced: _placed,
    HoldConfirmed: _sold("confirmed", 1),
    HoldUnconfirmed: _sold("held", -1),
    HoldEnded: _released,
    SeatsRestocked: _given_back,
    PurchaseRequested: _requested,
    PurchaseRequestedAgain: _requested,
    PurchaseReopened: _reopened,
    OrderPlaced: _priced,
    CheckoutOpened: _extended,
    DiscountClaimed: _claimed,
    DiscountReturned: _returned,
    HoldExtended: _extended,
    PurchaseRefused: _end("refused", "unsold"),
    OrderCancelled: _end("cancelled", "unsold"),
    OrderFulfilled: _end("fulfilled", "sold"),
    ReservationMade: _reserved,
    ReservationConfirmed: _end("confirmed", "sold"),
    ReservationEnded: _end("released", "unsold"),
    TicketReserved: _ticketed,
    TicketIssued: _issued,
    TicketVoided: _voided,
    TicketRedeemed: _entered,
    EntryUndone: _entry_undone,
    TokenMinted: _minted,
    TokenSigned: _token_signed,
    ShowAnnounced: _announced,
    TicketClaimed: _claim_opened,
    ClaimSigned: _claim_signed,
    ClaimDone: _claim_done,
    ClaimLapsed: _claim_lapsed,
    **LEAF_FOLDS,
    **MONEY_FOLDS,
}
