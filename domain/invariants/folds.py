"""The folds of the facts into what the laws ask for.

They are folds of their own, so that a fault in an aggregate's fold shows, and so that a history that is broken can be
read to its end.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from domain.catalog.discount import DiscountClaimed, DiscountReturned
from domain.core.aggregate import Fact
from domain.invariants.refund_folds import REFUND_FOLDS
from domain.invariants.state import LIVE, Claim, Pass, Standing, Stock
from domain.money.books import TransactionPosted
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
from domain.orders.reopening import PurchaseRevived
from domain.payments.dispute import DisputeLost
from domain.payments.payment import IntentCreated, PaymentCancelled, PaymentCaptured, PaymentRefunded, StrayIntentFound
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
from domain.tickets.has_token import TokenMinted
from domain.tickets.ticket import TicketIssued, TicketReserved, TicketVoided


def apply(standing: Standing, fact: Fact) -> None:
    """Take one fact; raises LookupError when it is about something that no fact before it has made."""
    fold = FOLDS.get(type(fact))
    if fold is not None:
        fold(standing, fact)


def _identity(fact: Fact) -> str:
    return fact.originator_id.partition(":")[2]


def owner_of(hold_key: str) -> str:
    """Return whom a hold belongs to: a purchase's key names the attempt too."""
    return hold_key.partition(":hold:")[0]


def _wanted(lines: Iterable[dict[str, Any]]) -> dict[str, int]:
    return {line["ticket_type_id"]: line["quantity"] for line in lines}


def _opened(all_of: Standing, fact: AllocationOpened) -> None:
    all_of.touched.add(("stock", _identity(fact)))
    all_of.stocks[_identity(fact)] = Stock(fact.capacity)


def _resized(all_of: Standing, fact: AllocationResized) -> None:
    all_of.stock(_identity(fact)).capacity = fact.capacity


def _placed(all_of: Standing, fact: HoldsPlaced) -> None:
    ticket_type_id = _identity(fact)
    stock = all_of.stock(ticket_type_id)
    for hold in fact.holds:
        stock.claims.setdefault(hold["key"], Claim(hold["quantity"], ""))
        stock.held += hold["quantity"]
        _turn(all_of, ticket_type_id, hold["key"], "held")


def _confirmed(all_of: Standing, fact: HoldConfirmed) -> None:
    ticket_type_id = _identity(fact)
    stock = all_of.stock(ticket_type_id)
    quantity = _turn(all_of, ticket_type_id, fact.key, "confirmed")
    stock.held, stock.sold = stock.held - quantity, stock.sold + quantity


def _unconfirmed(all_of: Standing, fact: HoldUnconfirmed) -> None:
    ticket_type_id = _identity(fact)
    stock = all_of.stock(ticket_type_id)
    quantity = _turn(all_of, ticket_type_id, fact.key, "held")
    stock.held, stock.sold = stock.held + quantity, stock.sold - quantity


def _released(all_of: Standing, fact: HoldEnded) -> None:
    ticket_type_id = _identity(fact)
    stock = all_of.stock(ticket_type_id)
    stock.claims.setdefault(fact.key, Claim(0, ""))  # a tombstone for a hold that has not arrived
    stock.held -= _turn(all_of, ticket_type_id, fact.key, "released")


def _given_back(all_of: Standing, fact: SeatsReturned) -> None:
    ticket_type_id = _identity(fact)
    stock, owner = all_of.stock(ticket_type_id), all_of.owner(owner_of(fact.key))
    stock.claims[fact.key].quantity -= fact.quantity
    stock.sold -= fact.quantity
    stock.by_state["confirmed"] -= fact.quantity
    owner.seats[ticket_type_id, "confirmed"] -= fact.quantity
    owner.returned_seats[ticket_type_id] += fact.quantity


def _turn(all_of: Standing, ticket_type_id: str, key: str, state: str) -> int:
    """Move a hold to a state, in the sums by state and in its owner's seats; returns its quantity."""
    stock = all_of.stocks[ticket_type_id]
    claim, seats = stock.claims[key], all_of.owner(owner_of(key)).seats
    for name, sign in ((claim.state, -1), (state, 1)):
        if name in LIVE:
            stock.by_state[name] += sign * claim.quantity
            seats[ticket_type_id, name] += sign * claim.quantity
    claim.state = state
    return claim.quantity


def _requested(all_of: Standing, fact: PurchaseRequested | PurchaseRequestedAgain) -> None:
    owner = all_of.owner(_identity(fact))
    owner.kind, owner.state, owner.end = "order", "open", None
    owner.deadline, owner.wanted = first_deadline(fact.queue_until, fact.hold_until), _wanted(fact.lines)


def _reserved(all_of: Standing, fact: ReservationMade) -> None:
    owner = all_of.owner(_identity(fact))
    owner.kind, owner.state, owner.end = "reservation", "held", None
    owner.deadline, owner.wanted = fact.until, _wanted(fact.lines)


def _priced(all_of: Standing, fact: OrderPlaced) -> None:
    owner, price = all_of.owner(_identity(fact)), fact.price
    owner.venue_id, owner.currency, owner.total_minor = fact.venue_id, price["currency"], price["total_minor"]
    owner.charge_minor = owner.total_minor if price.get("tender", "card") == "card" else 0
    owner.tax_minor = price.get("tax_minor", 0)  # facts of before have none
    fees = price["platform_fee_minor"] + price["processing_fee_minor"]
    owner.share_minor = owner.total_minor - fees - owner.tax_minor


def _dispute_lost(all_of: Standing, fact: DisputeLost) -> None:
    owner = all_of.owner(fact.purchase_id)
    owner.disputed_share_minor += fact.parts["venue_minor"]
    owner.disputed_tax_minor += fact.parts["tax_minor"]


def _claimed(all_of: Standing, fact: DiscountClaimed) -> None:
    all_of.owner(owner_of(fact.key)).discounts.add(_identity(fact))


def _returned(all_of: Standing, fact: DiscountReturned) -> None:
    all_of.owner(owner_of(fact.key)).discounts.discard(_identity(fact))


def _extended(all_of: Standing, fact: HoldExtended | CheckoutOpened) -> None:
    all_of.owner(_identity(fact)).deadline = fact.hold_until


def _end(state: str, end: Literal["sold", "unsold"]) -> Callable[[Standing, Any], None]:
    def fold(all_of: Standing, fact: Fact) -> None:
        owner = all_of.owner(_identity(fact))
        owner.state, owner.end = state, end

    return fold


def _ticketed(all_of: Standing, fact: TicketReserved) -> None:
    all_of.tickets[_identity(fact)] = Pass(fact.purchase_id, fact.ticket_type_id)
    owner = all_of.owner(fact.purchase_id)
    owner.tickets.append(_identity(fact))
    owner.live_tickets[fact.ticket_type_id] += 1


def _issued(all_of: Standing, fact: TicketIssued) -> None:
    ticket = all_of.ticket(_identity(fact))
    all_of.owner(ticket.owner).live_tickets[ticket.ticket_type_id] += ticket.state == "void"
    ticket.state = "issued"


def _voided(all_of: Standing, fact: TicketVoided) -> None:
    ticket = all_of.ticket(_identity(fact))
    all_of.owner(ticket.owner).live_tickets[ticket.ticket_type_id] -= ticket.state != "void"
    ticket.state = "void"


def _minted(all_of: Standing, fact: TokenMinted) -> None:
    if fact.originator_id.startswith("ticket:"):
        ticket = all_of.ticket(_identity(fact))
        ticket.addresses = (*ticket.addresses, fact.mint_address)
        all_of.holders.setdefault(fact.mint_address, _identity(fact))


def _intended(all_of: Standing, fact: IntentCreated) -> None:
    owner = all_of.owner(fact.purchase_id)
    owner.intents.add(fact.intent_id)
    owner.payments[_identity(fact)] = "open"


def _strayed(all_of: Standing, fact: StrayIntentFound) -> None:
    all_of.owner(fact.purchase_id).payments[_identity(fact)] = "open"


def _revived(all_of: Standing, fact: PurchaseRevived) -> None:
    owner = all_of.owner(_identity(fact))
    owner.state, owner.end, owner.deadline = "open", None, fact.hold_until


def _payment(state: str) -> Callable[[Standing, Any], None]:
    """Return a fold that sets how one attempt's payment stands; a payment's id is `{purchase}:{attempt or intent}`."""

    def fold(all_of: Standing, fact: Fact) -> None:
        name = _identity(fact)
        all_of.owner(name.rpartition(":")[0]).payments[name] = state

    return fold


def _posted(all_of: Standing, fact: TransactionPosted) -> None:
    all_of.touched.add(("books", fact.purchase_id))
    owner = all_of.owner(fact.purchase_id)
    for account, unit, amount in sides_of(fact):
        owner.books[account, unit] += amount
        all_of.books[account, unit] += amount
        owner.sums[unit] += amount
        all_of.sums[unit] += amount


def sides_of(fact: TransactionPosted) -> list[tuple[str, str, int]]:
    """Return (account, unit, credited amount) of each side that a posting names; a debit is a negative credit."""
    return [
        (posting[side], posting["unit"], sign * posting["amount"])
        for posting in fact.postings
        for side, sign in (("credit", 1), ("debit", -1))
        if posting.get(side)
    ]


FOLDS: dict[type[Fact], Callable[[Standing, Any], None]] = {
    AllocationOpened: _opened,
    AllocationResized: _resized,
    HoldsPlaced: _placed,
    HoldConfirmed: _confirmed,
    HoldUnconfirmed: _unconfirmed,
    HoldEnded: _released,
    SeatsReturned: _given_back,
    PurchaseRequested: _requested,
    PurchaseRequestedAgain: _requested,
    PurchaseRevived: _revived,
    OrderPlaced: _priced,
    CheckoutOpened: _extended,
    DisputeLost: _dispute_lost,
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
    TokenMinted: _minted,
    IntentCreated: _intended,
    StrayIntentFound: _strayed,
    PaymentCaptured: _payment("captured"),
    PaymentCancelled: _payment("cancelled"),
    PaymentRefunded: _payment("refunded"),
    TransactionPosted: _posted,
    **REFUND_FOLDS,
}
