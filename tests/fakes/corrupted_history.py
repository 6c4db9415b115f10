"""Ways to doctor a good day, so that a law is broken; the digests are made anew, so that only the laws can tell."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from domain.catalog.discount import DiscountReturned
from domain.core.aggregate import GENESIS, Fact, digest_of
from domain.invariants.cross_system import IntentSaid, Outside
from domain.money.books import TransactionPosted
from domain.orders.order import CaptureRequested, OrderFulfilled
from domain.payments.payment import PaymentCancelled
from domain.payments.refund import RefundRequested, RefundSucceeded
from domain.stock.allocation import AllocationOpened, HoldConfirmed, HoldEnded, HoldsPlaced, SeatsReturned
from domain.tickets.has_token import TokenMinted
from domain.tickets.ticket import TicketIssued, TicketReserved, TicketVoided
from tests.fakes.samples import AT

SOLD, LATE = "sold", "late"


class Day(NamedTuple):
    """All facts of a day, and what the other systems say at its end."""

    facts: list[Fact]
    outside: Outside

    def said(self, purchase_id: str) -> IntentSaid:
        return next(said for said in self.outside.intents if said.purchase_id == purchase_id)


def without(facts: list[Fact], kind: type[Fact], nth: int = 0, subject: str = "") -> list[Fact]:
    """Take one fact of a kind out, as if it had never been recorded."""
    found = [fact for fact in facts if isinstance(fact, kind) and subject in fact.originator_id]
    return rechained([fact for fact in facts if fact is not found[nth]])


def edited(facts: list[Fact], kind: type[Fact], nth: int = 0, subject: str = "", **values: Any) -> list[Fact]:
    """Change values of one fact, with every digest made anew: only the laws can tell."""
    found = [fact for fact in facts if isinstance(fact, kind) and subject in fact.originator_id]
    return rechained([replace(fact, **values) if fact is found[nth] else fact for fact in facts])


def doubled(facts: list[Fact], kind: type[Fact], subject: str = "", **values: Any) -> list[Fact]:
    """Record the first fact of a kind once more, right after itself, with other values."""
    found = next(fact for fact in facts if isinstance(fact, kind) and subject in fact.originator_id)
    again = replace(found, **values)
    return rechained([one for fact in facts for one in ((fact, again) if fact is found else (fact,))])


def rechained(facts: list[Fact]) -> list[Fact]:
    """Number and chain facts anew."""
    ends: dict[str, tuple[int, str]] = {}
    made = []
    for fact in facts:
        version, digest = ends.get(fact.originator_id, (0, GENESIS))
        numbered = replace(fact, originator_version=version + 1)
        chained = replace(numbered, digest=digest_of(digest, type(fact), dict(vars(numbered))))
        ends[fact.originator_id] = (version + 1, chained.digest)
        made.append(chained)
    return made


def one_sided(facts: list[Fact]) -> list[Fact]:
    """Let the first posting of the sale name no account that is debited."""
    sale = next(fact for fact in facts if isinstance(fact, TransactionPosted))
    first, *rest = sale.postings
    return edited(facts, TransactionPosted, postings=[{**first, "debit": ""}, *rest])


def negative(facts: list[Fact]) -> list[Fact]:
    sale = next(fact for fact in facts if isinstance(fact, TransactionPosted))
    first, *rest = sale.postings
    turned = {**first, "debit": first["credit"], "credit": first["debit"], "amount": -first["amount"]}
    return edited(facts, TransactionPosted, postings=[turned, *rest])


def moved_to_platform(facts: list[Fact], account: str = "venue:ve:payable") -> list[Fact]:
    """Credit the platform what somebody else was due."""
    sale = next(fact for fact in facts if isinstance(fact, TransactionPosted))
    moved = [{**line, "credit": "platform:fees"} if line["credit"] == account else line for line in sale.postings]
    return edited(facts, TransactionPosted, postings=moved)


def said(day: Day, purchase_id: str, **values: Any) -> Day:
    """Let Stripe say something else of a purchase's payment."""
    other = day.said(purchase_id)._replace(**values)
    intents = [other if one.purchase_id == purchase_id else one for one in day.outside.intents]
    return told(day, intents=intents)


def told(day: Day, **values: Any) -> Day:
    return Day(day.facts, day.outside._replace(**values))


def history(change: Callable[[list[Fact]], list[Fact]]) -> Callable[[Day], Day]:
    return lambda day: Day(change(day.facts), day.outside)


def captured_again(day: Day, **values: Any) -> Day:
    again = day.said(SOLD)._replace(intent_id="pi_again", net_minor=0, **values)
    return told(day, intents=[*day.outside.intents, again])


DOCTORED: dict[str, tuple[Callable[[Day], Day], set[str]]] = {
    "a fact edited afterwards": (
        history(lambda facts: [replace(facts[0], timestamp=AT - timedelta(days=1)), *facts[1:]]),
        {"unbroken-history"},
    ),
    "a fact taken out": (
        history(lambda facts: [fact for fact in facts if not isinstance(fact, CaptureRequested)]),
        {"unbroken-history"},
    ),
    "a hold confirmed that nobody placed": (
        history(lambda facts: edited(facts, HoldConfirmed, key="ghost")),
        {"unbroken-history", "sale-is-delivered"},
    ),
    "a seat on sale again whose ticket is valid": (
        history(lambda facts: edited(facts, SeatsReturned, key="sold:hold:1")),
        {"one-ticket-per-seat"},
    ),
    "more seats on sale again than were sold": (
        history(lambda facts: edited(facts, SeatsReturned, quantity=2)),
        {"sale-is-delivered"},
    ),
    "a stock that no fact has opened": (
        history(lambda facts: without(facts, AllocationOpened)),
        {"unbroken-history", "one-ticket-per-seat", "sale-is-delivered"},
    ),
    "more seats sold than there are": (
        history(lambda facts: edited(facts, AllocationOpened, capacity=1)),
        {"stock-is-capacity"},
    ),
    "a hold released twice": (
        history(lambda facts: doubled(facts, HoldEnded)),
        {"stock-is-capacity"},
    ),
    "a hold that is counted twice": (
        history(lambda facts: doubled(facts, HoldsPlaced)),
        {"stock-is-capacity"},
    ),
    "a ticket without a seat": (
        history(lambda facts: doubled(facts, TicketReserved, originator_id="ticket:ghost")),
        {"one-ticket-per-seat", "sale-is-delivered", "one-nft-per-ticket"},
    ),
    "a ticket minted at two addresses": (
        history(lambda facts: doubled(facts, TokenMinted, "ticket:", mint_address="elsewhere")),
        {"one-address-per-ticket", "one-nft-per-ticket"},
    ),
    "two tickets at one address": (
        history(lambda facts: edited(facts, TokenMinted, 1, "ticket:", mint_address=lawful_address(facts))),
        {"one-address-per-ticket"},
    ),
    "a posting that names one side": (
        history(one_sided),
        {"postings-balance", "stripe-is-in-the-books"},
    ),
    "a posting of less than nothing": (history(negative), {"postings-balance"}),
    "captured money after the end": (
        lambda day: said(day, LATE, captured_minor=500, net_minor=0),
        {"money-has-an-owner"},
    ),
    "captured money of a purchase that nobody knows": (
        lambda day: told(day, intents=[*day.outside.intents, IntentSaid("pi_x", "who", "eur", 5, 0, 5, is_open=False)]),
        {"money-has-an-owner", "stripe-is-in-the-books"},
    ),
    "money with an order and a case": (
        lambda day: told(day, cases={day.said(SOLD).intent_id: AT}),
        {"money-has-an-owner"},
    ),
    "money by a payment that the order knows nothing of": (
        lambda day: said(day, SOLD, intent_id="pi_other"),
        {"money-has-an-owner"},
    ),
    "two captures": (
        captured_again,
        {"one-capture-per-purchase", "money-has-an-owner", "sale-is-paid"},
    ),
    "a sale that was never captured": (
        lambda day: said(day, SOLD, captured_minor=0),
        {"sale-is-paid"},
    ),
    "a sale without a seat": (
        history(lambda facts: without(facts, HoldConfirmed)),
        {"sale-is-delivered"},
    ),
    "a sale with a ticket that is not valid": (
        history(lambda facts: without(facts, TicketIssued)),
        {"sale-is-delivered"},
    ),
    "a mint that is still owed": (
        history(lambda facts: without(facts, TransactionPosted, 1)),
        {"sale-is-delivered"},
    ),
    "an outside order without its tickets": (
        history(lambda facts: without(facts, TicketIssued, -1)),
        {"sale-is-delivered"},
    ),
    "a ticket that is not on chain": (
        lambda day: told(day, supplies={}),
        {"one-nft-per-ticket"},
    ),
    "a ticket that is on chain twice": (
        lambda day: told(day, supplies=dict.fromkeys(day.outside.supplies, 2)),
        {"one-nft-per-ticket"},
    ),
    "a sold ticket that was never minted": (
        history(lambda facts: without(facts, TokenMinted, subject="ticket:")),
        {"one-nft-per-ticket"},
    ),
    "a fee that the books do not know": (
        lambda day: said(day, SOLD, net_minor=1),
        {"stripe-is-in-the-books"},
    ),
    "the venue's share at the platform": (history(moved_to_platform), {"venue-has-its-share"}),
    "the tax at the platform": (
        history(lambda facts: moved_to_platform(facts, "tax:ve:payable")),
        {"venue-has-its-share"},
    ),
    "a refund of more than the price": (
        history(lambda facts: edited(facts, RefundRequested, amount_minor=10**6)),
        {"refunds-within-price", "sale-is-paid"},
    ),
    "a refund that has not arrived": (
        history(lambda facts: without(facts, RefundSucceeded)),
        {"refund-arrives", "sale-is-paid"},
    ),
    "a refund that the books do not know": (
        history(lambda facts: without(facts, TransactionPosted, subject="rf:paid")),
        {"refund-arrives", "stripe-is-in-the-books"},
    ),
    "a refunded ticket that is on chain still": (
        lambda day: told(day, supplies=dict.fromkeys(day.outside.supplies, 1)),
        {"one-nft-per-ticket"},
    ),
    "a void ticket that nobody refunded": (
        history(lambda facts: edited(facts, RefundRequested, ticket_ids=[])),
        {"sale-is-delivered"},
    ),
    "an ended purchase with its discount": (
        history(lambda facts: without(facts, DiscountReturned)),
        {"undo-ran"},
    ),
    "a purchase without an end": (
        history(lambda facts: without(facts, OrderFulfilled)),
        {"ends-in-time"},
    ),
    "an ended purchase with its seats": (
        history(lambda facts: without(facts, HoldEnded)),
        {"undo-ran"},
    ),
    "an ended purchase with its tickets": (
        history(lambda facts: without(without(facts, TicketVoided), HoldEnded)),
        {"undo-ran"},
    ),
    "an ended purchase with its payment in the facts": (
        history(lambda facts: without(facts, PaymentCancelled)),
        {"undo-ran"},
    ),
    "an ended purchase with its payment at Stripe": (
        lambda day: said(day, LATE, is_open=True),
        {"undo-ran"},
    ),
}


def lawful_address(facts: list[Fact]) -> str:
    return next(
        fact.mint_address for fact in facts if isinstance(fact, TokenMinted) and fact.originator_id.startswith("ticket")
    )
