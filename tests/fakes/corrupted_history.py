"""Corruptions of the sample history, each with the invariants that it breaks; mostly with digests computed anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from domain.catalog.discount import DiscountReturned
from domain.catalog.show import ShowAnnounced
from domain.core.aggregate import DomainEvent
from domain.core.ids import ticket_id_of
from domain.invariants.outside import ExternalState, StripePayment
from domain.money.books import TransactionPosted
from domain.orders.order import CaptureRequested, OrderFulfilled
from domain.payments.payment import PaymentCancelled, PaymentRefunded
from domain.payments.refunds import RefundRequested, RefundSucceeded
from domain.stock.allocation import AllocationOpened, HoldConfirmed, HoldEnded, HoldsPlaced, SeatsRestocked
from domain.tickets.claiming import ClaimDone, TicketClaimed
from domain.tickets.has_token import TokenMinted, TokenSigned
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import (
    EntryUndone,
    LeafEnded,
    LeafRecorded,
    TicketIssued,
    TicketRedeemed,
    TicketReserved,
    TicketVoided,
)
from domain.tickets.ticket_tree import LeafAppended, LeafDebtSettled, LeafNullified, RootWritten
from tests.fakes.samples import AT
from tests.fakes.stored import forged, rechained

SOLD, LATE = "sold", "late"


F = TypeVar("F", bound=DomainEvent)


class Day(NamedTuple):
    """All events of a day, and the state of the other systems at its end."""

    events: list[DomainEvent]
    outside: ExternalState

    def payment_of(self, purchase_id: str) -> StripePayment:
        return next(payment for payment in self.outside.intents if payment.purchase_id == purchase_id)


def without(events: list[DomainEvent], kind: type[DomainEvent], nth: int = 0, subject: str = "") -> list[DomainEvent]:
    """Remove one event of a kind, as if it had never been recorded."""
    found = [event for event in events if isinstance(event, kind) and subject in event.originator_id]
    return rechained([event for event in events if event is not found[nth]])


def changed(event: F, **values: Any) -> F:
    """Return an event with other values; an unknown field is an error."""
    assert values.keys() <= vars(event).keys()
    return forged(event, **values)


def edited(
    events: list[DomainEvent], kind: type[DomainEvent], nth: int = 0, subject: str = "", **values: Any
) -> list[DomainEvent]:
    """Change values of one event, with every digest computed anew."""
    found = [event for event in events if isinstance(event, kind) and subject in event.originator_id]
    return rechained([changed(event, **values) if event is found[nth] else event for event in events])


def doubled(events: list[DomainEvent], kind: type[DomainEvent], subject: str = "", **values: Any) -> list[DomainEvent]:
    """Record the first event of a kind a second time, right after itself, with other values."""
    found = next(event for event in events if isinstance(event, kind) and subject in event.originator_id)
    again = changed(found, **values)
    return rechained([one for event in events for one in ((event, again) if event is found else (event,))])


def one_sided(events: list[DomainEvent]) -> list[DomainEvent]:
    """Remove the debited account of the sale's first posting."""
    sale = next(event for event in events if isinstance(event, TransactionPosted))
    first, *rest = sale.postings
    return edited(events, TransactionPosted, postings=[{**first, "debit": ""}, *rest])


def negative(events: list[DomainEvent]) -> list[DomainEvent]:
    sale = next(event for event in events if isinstance(event, TransactionPosted))
    first, *rest = sale.postings
    turned = {**first, "debit": first["credit"], "credit": first["debit"], "amount": -first["amount"]}
    return edited(events, TransactionPosted, postings=[turned, *rest])


def moved_to_platform(events: list[DomainEvent], account: str = "venue:ve:payable") -> list[DomainEvent]:
    """Credit the platform instead of another account."""
    sale = next(event for event in events if isinstance(event, TransactionPosted))
    moved = [{**line, "credit": "platform:fees"} if line["credit"] == account else line for line in sale.postings]
    return edited(events, TransactionPosted, postings=moved)


def renamed(events: list[DomainEvent], account: str, other: str) -> list[DomainEvent]:
    """Post the sale to another account instead of one."""
    sale = next(event for event in events if isinstance(event, TransactionPosted))
    names = [{side: other if value == account else value for side, value in line.items()} for line in sale.postings]
    return edited(events, TransactionPosted, postings=names)


def with_payment(day: Day, purchase_id: str, **values: Any) -> Day:
    """Change a purchase's payment at Stripe."""
    other = day.payment_of(purchase_id)._replace(**values)
    intents = [other if one.purchase_id == purchase_id else one for one in day.outside.intents]
    return with_outside(day, intents=intents)


def with_outside(day: Day, **values: Any) -> Day:
    """Change the state of the other systems; the whole balance is the sum of its parts."""
    outside = day.outside._replace(**values)
    balance = sum(one.net_minor for one in outside.intents) + sum(one.net_minor for one in outside.entries or ())
    return Day(day.events, outside._replace(balance_minor={"eur": balance}))


def with_signed_mint(events: list[DomainEvent]) -> list[DomainEvent]:
    """Record the bytes of a ticket's mint before it."""
    minted = next(one for one in events if isinstance(one, TokenMinted) and one.originator_id.startswith("ticket:"))
    values = {"signed": {"mint_address": minted.mint_address, "signature": "signature"}}
    named = {name: getattr(minted, name) for name in ("originator_id", "originator_version", "timestamp")}
    signed = TokenSigned.build({**named, **values})
    return rechained([one for event in events for one in ((signed, event) if event is minted else (event,))])


def history(change: Callable[[list[DomainEvent]], list[DomainEvent]]) -> Callable[[Day], Day]:
    return lambda day: Day(change(day.events), day.outside)


def captured_again(day: Day, **values: Any) -> Day:
    again = day.payment_of(SOLD)._replace(intent_id="pi_again", net_minor=0, fees_minor=0, **values)
    return with_outside(day, intents=[*day.outside.intents, again])


DOCTORED: dict[str, tuple[Callable[[Day], Day], set[str]]] = {
    "an event edited afterwards": (
        history(lambda events: [forged(events[0], timestamp=AT - timedelta(days=1)), *events[1:]]),
        {"unbroken-history"},
    ),
    "an event taken out": (
        history(lambda events: [event for event in events if not isinstance(event, CaptureRequested)]),
        {"unbroken-history"},
    ),
    "a confirmed hold that was never placed": (
        history(lambda events: edited(events, HoldConfirmed, key="ghost")),
        {"unbroken-history", "sale-is-delivered"},
    ),
    "a seat on sale again while its ticket is valid": (
        history(lambda events: edited(events, SeatsRestocked, key="sold:hold:1")),
        {"one-ticket-per-seat"},
    ),
    "more seats on sale again than were sold": (
        history(lambda events: edited(events, SeatsRestocked, quantity=2)),
        {"sale-is-delivered"},
    ),
    "a stock that was never opened": (
        history(lambda events: without(events, AllocationOpened)),
        {"unbroken-history", "one-ticket-per-seat", "sale-is-delivered"},
    ),
    "more seats sold than the capacity": (
        history(lambda events: edited(events, AllocationOpened, capacity=1)),
        {"stock-is-capacity"},
    ),
    "a hold released twice": (history(lambda events: doubled(events, HoldEnded)), {"stock-is-capacity"}),
    "a hold counted twice": (history(lambda events: doubled(events, HoldsPlaced)), {"stock-is-capacity"}),
    "a ticket without a seat": (
        history(lambda events: doubled(events, TicketReserved, originator_id="ticket:ghost")),
        {"one-ticket-per-seat", "sale-is-delivered", "one-nft-per-ticket"},
    ),
    "a ticket minted at two addresses": (
        history(lambda events: doubled(events, TokenMinted, "ticket:", mint_address="elsewhere")),
        {"one-address-per-ticket", "one-nft-per-ticket"},
    ),
    "two tickets at one address": (
        history(lambda events: edited(events, TokenMinted, 1, "ticket:", mint_address=valid_address(events))),
        {"one-address-per-ticket"},
    ),
    "a claim after the claim": (
        history(lambda events: doubled(events, TicketClaimed, holder_id="bu_other")),
        {"claimed-once"},
    ),
    "a ticket that gives entry twice": (
        history(lambda events: doubled(events, TicketRedeemed, check_in_id="ci_other")),
        {"entered-once"},
    ),
    "a ticket that gives entry before it is paid": (
        history(lambda events: without(events, TicketIssued, subject=ticket_id_of(SOLD, 1, 2))),
        {"entered-once", "sale-is-delivered"},
    ),
    "an entry undone that another check-in made": (
        history(lambda events: edited(events, EntryUndone, check_in_id="ci_other")),
        {"entered-once"},
    ),
    "a token delivered to nobody": (
        history(lambda events: without(events, TicketClaimed, 1)),
        {"claimed-once"},
    ),
    "a token delivered by unknown bytes": (
        history(lambda events: edited(events, ClaimDone, signature="unknown")),
        {"claimed-once"},
    ),
    "a soulbound token that was minted to custody": (
        history(lambda events: with_signed_mint(edited(events, ShowAnnounced, transfer="soulbound"))),
        {"claimed-once", "sale-is-delivered"},
    ),
    "a leaf for one ticket twice": (
        history(lambda events: doubled(events, LeafAppended, index=2)),
        {"one-leaf-per-ticket", "root-is-on-chain"},
    ),
    "a leaf that its ticket does not know": (
        history(lambda events: without(events, LeafRecorded, 1)),
        {"one-leaf-per-ticket", "one-nft-per-ticket"},
    ),
    "a place that is left out": (
        history(lambda events: edited(events, LeafAppended, 1, index=2)),
        {"one-leaf-per-ticket"},
    ),
    "a claimed leaf that is still in the tree": (
        history(lambda events: without(events, LeafNullified)),
        {"one-leaf-per-ticket"},
    ),
    "a token signed for a leaf": (
        history(lambda events: without(without(events, LeafEnded), LeafNullified)),
        {"one-leaf-per-ticket"},
    ),
    "a root that goes back": (
        history(lambda events: doubled(events, RootWritten)),
        {"one-leaf-per-ticket"},
    ),
    "leaves settled before they are on chain": (
        history(lambda events: edited(events, LeafDebtSettled, count=3)),
        {"one-leaf-per-ticket", "root-is-on-chain"},
    ),
    "leaves that the books owe no more and that were never settled": (
        history(lambda events: without(events, LeafDebtSettled)),
        {"root-is-on-chain"},
    ),
    "another root on chain": (
        lambda day: with_outside(day, roots={"mint": TreeRoot(2, "ab" * 32)}),
        {"root-is-on-chain"},
    ),
    "a root that does not follow from its leaves": (
        history(lambda events: edited(events, RootWritten, root="ab" * 32)),
        {"root-is-on-chain"},
    ),
    "a posting without a debited account": (
        history(one_sided),
        {"postings-balance", "stripe-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "a posting of a negative amount": (history(negative), {"postings-balance"}),
    "captured money after the end": (
        lambda day: with_payment(day, LATE, captured_minor=500, net_minor=0),
        {"money-has-an-owner"},
    ),
    "a payout of the venue that is booked twice": (
        history(lambda events: doubled(events, TransactionPosted, "po_paid", originator_id="books:again")),
        {"venue-balance-is-in-the-books"},
    ),
    "a payout to our own bank that is booked twice": (
        history(lambda events: doubled(events, TransactionPosted, "txn_payout", originator_id="books:again")),
        {"own-money-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "Stripe's fee at the platform": (
        history(lambda events: renamed(events, "processing:fees", "platform:fees")),
        {"parties-have-their-parts"},
    ),
    "captured money of an unknown purchase": (
        lambda day: with_outside(
            day, intents=[*day.outside.intents, StripePayment("pi_x", "who", "eur", 5, 0, 5, is_open=False)]
        ),
        {"money-has-an-owner", "stripe-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "money with an order and a case": (
        lambda day: with_outside(day, cases={day.payment_of(SOLD).intent_id: AT}),
        {"money-has-an-owner"},
    ),
    "money of a payment unknown to the order": (
        lambda day: with_payment(day, SOLD, intent_id="pi_other"),
        {"money-has-an-owner", "stripe-is-in-the-books"},
    ),
    "two captures": (
        captured_again,
        {"one-capture-per-purchase", "money-has-an-owner", "sale-is-paid"},
    ),
    "a sale that was never captured": (
        lambda day: with_payment(day, SOLD, captured_minor=0),
        {"sale-is-paid"},
    ),
    "a sale without a seat": (
        history(lambda events: without(events, HoldConfirmed)),
        {"sale-is-delivered"},
    ),
    "a sale with a ticket that is not valid": (
        history(lambda events: without(events, TicketIssued)),
        {"sale-is-delivered"},
    ),
    "an open mint debt": (
        history(lambda events: without(events, TransactionPosted, 1)),
        {"sale-is-delivered"},
    ),
    "an outside order without its tickets": (
        history(lambda events: without(events, TicketIssued, -1)),
        {"sale-is-delivered"},
    ),
    "a ticket that is not on chain": (
        lambda day: with_outside(day, supplies={}),
        {"one-nft-per-ticket"},
    ),
    "a ticket that is on chain twice": (
        lambda day: with_outside(day, supplies=dict.fromkeys(day.outside.supplies, 2)),
        {"one-nft-per-ticket"},
    ),
    "a sold ticket that was never minted": (
        history(lambda events: without(events, TokenMinted, 1, subject="ticket:")),
        {"one-nft-per-ticket"},
    ),
    "a fee missing from the books": (
        lambda day: with_payment(day, SOLD, net_minor=1),
        {"stripe-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "the venue's share at the platform": (
        history(moved_to_platform),
        {"venue-has-its-share", "parties-have-their-parts"},
    ),
    "the tax at the platform": (
        history(lambda events: moved_to_platform(events, "tax:ve:payable")),
        {"venue-has-its-share", "parties-have-their-parts"},
    ),
    "a refund of more than the price": (
        history(lambda events: edited(events, RefundRequested, 1, amount_minor=10**6)),
        {"refunds-within-price", "sale-is-paid"},
    ),
    "a refund that has not arrived": (
        history(lambda events: without(events, RefundSucceeded, 1)),
        {"refund-arrives", "sale-is-paid"},
    ),
    "a refund missing from the books": (
        history(lambda events: without(events, TransactionPosted, subject="rf:paid")),
        {"refund-arrives", "stripe-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "a refund of money that bought nothing that has not arrived": (
        history(lambda events: without(events, RefundSucceeded)),
        {"refund-arrives"},
    ),
    "a payment that stays owed after its refund": (
        history(lambda events: without(events, PaymentRefunded)),
        {"refund-arrives"},
    ),
    "money that bought nothing and is owed to nobody": (
        history(lambda events: without(events, TransactionPosted, subject=":owed")),
        {"refund-arrives", "parties-have-their-parts", "stripe-is-in-the-books", "whole-balance-is-in-the-books"},
    ),
    "a second payment that nobody gives back": (
        lambda day: with_payment(day, "refunded", refunded_minor=0),
        {"money-has-an-owner"},
    ),
    "a refunded ticket still on chain": (
        lambda day: with_outside(day, supplies=dict.fromkeys(day.outside.supplies, 1)),
        {"one-nft-per-ticket"},
    ),
    "a void ticket without a refund": (
        history(lambda events: edited(events, RefundRequested, 1, ticket_ids=[])),
        {"sale-is-delivered"},
    ),
    "an ended purchase with its discount": (
        history(lambda events: without(events, DiscountReturned)),
        {"undo-ran"},
    ),
    "a purchase without an end": (
        history(lambda events: without(events, OrderFulfilled)),
        {"ends-in-time"},
    ),
    "an ended purchase with its seats": (
        history(lambda events: without(events, HoldEnded)),
        {"undo-ran"},
    ),
    "an ended purchase with its tickets": (
        history(lambda events: without(without(events, TicketVoided), HoldEnded)),
        {"undo-ran"},
    ),
    "an ended purchase with its payment in the events": (
        history(lambda events: without(events, PaymentCancelled)),
        {"undo-ran"},
    ),
    "an ended purchase with its payment at Stripe": (
        lambda day: with_payment(day, LATE, is_open=True),
        {"undo-ran"},
    ),
}


def valid_address(events: list[DomainEvent]) -> str:
    return next(
        event.mint_address
        for event in events
        if isinstance(event, TokenMinted) and event.originator_id.startswith("ticket")
    )
