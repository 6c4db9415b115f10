"""The invariants that hold after every transaction of the event store, judged while its events are read in order.

A transaction's events are adjacent and share their timestamp, which is passed in once per transaction. So a run of
adjacent events with one timestamp counts as one transaction. Two transactions of the same microsecond look like one:
the state between them is not judged. The states within a transaction never existed, and are never judged.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from domain.core.aggregate import DomainEvent
from domain.core.chain import GENESIS, digest_of, follows
from domain.invariants.folds import apply
from domain.invariants.invariant import CLAIMED, ENTERED, HISTORY, POSTINGS, REFUNDS, SEATS, STOCK, TOKENS, Findings
from domain.invariants.leaves import judge_leaves, judge_tree
from domain.invariants.money.folds import sides_of
from domain.invariants.state import LIVE, InvariantState, PurchaseSummary, StockSummary, TicketSummary
from domain.money.books import TransactionPosted


class Recorded(NamedTuple):
    """An event as stored, and as read."""

    stored: StoredEvent
    event: DomainEvent


class History:
    """Takes all events in the order of their positions; `moving` are the purchases and venues changed since `mark`."""

    def __init__(self, findings: Findings) -> None:
        self.state = InvariantState()
        self.moving: set[str] = set()
        self.events = 0
        self.commits = 0
        self._findings = findings
        self._ends: dict[str, tuple[int, str]] = {}
        self._at: datetime | None = None
        self._marked = False

    def take(self, events: Iterable[Recorded]) -> None:
        """Take the next events; a transaction is judged at the first event of the next one, or at `settle`."""
        for stored, event in events:
            if event.timestamp != self._at:
                self.settle()
            self._at = event.timestamp
            self.events += 1
            self._findings.judge(HISTORY, event.originator_id, self._link_fault(stored, event))
            try:
                if isinstance(event, TransactionPosted):
                    self._findings.judge(POSTINGS, event.originator_id, transaction_fault(event))
                apply(self.state, event)
            except LookupError as missing:
                fault = f"{type(event).__name__} is about {missing}, which no earlier event created"
                self._findings.judge(HISTORY, event.originator_id, fault)

    def settle(self) -> None:
        """Judge the subjects changed since the last transaction."""
        self.commits += self._at is not None
        self._at = None
        for kind, identity in sorted(self.state.touched):
            if kind in JUDGES:
                JUDGES[kind](self.state, identity, self._findings)
        if self._marked:
            self.moving |= {identity for kind, identity in self.state.touched if kind in {"purchase", "venue", "tree"}}
        self.state.touched.clear()

    def mark(self) -> None:
        """From here on, collect changed purchases: those changed while other systems are read are not judged."""
        self.settle()
        self._marked = True

    def unmark(self) -> None:
        """Collect no more, and forget what was collected: the other systems have been read."""
        self.moving, self._marked = set(), False

    def _link_fault(self, stored: StoredEvent, event: DomainEvent) -> str | None:
        """Return the fault of an event that does not follow from the previous one in its stream."""
        version, digest = self._ends.get(event.originator_id, (0, GENESIS))
        self._ends[event.originator_id] = (event.originator_version, digest_of(stored))
        if event.originator_version != version + 1:
            return f"version {event.originator_version} follows version {version}"
        if not follows(digest, stored):
            return f"the digest of version {version + 1} ({event.TOPIC}) differs"
        return None


def transaction_fault(event: TransactionPosted) -> str | None:
    """Return the fault of one transaction of the books."""
    if any(posting["amount"] < 1 for posting in event.postings):
        return f"it has a posting of {min(posting['amount'] for posting in event.postings)}"
    sums: Counter[str] = Counter()
    for _, unit, amount in sides_of(event):
        sums[unit] += amount
    return sum_fault(sums)


def sum_fault(sums: Counter[str]) -> str | None:
    """Return the units that do not sum to zero."""
    off = {unit: total for unit, total in sorted(sums.items()) if total}
    return f"postings sum to {off}" if off else None


def stock_fault(stock: StockSummary) -> str | None:
    """Return the fault of a ticket type whose seats do not sum up."""
    available = stock.capacity - stock.held - stock.sold
    figures = f"available {available}, held {stock.held}, sold {stock.sold} of {stock.capacity}"
    if min(available, stock.held, stock.sold) < 0:
        return figures
    sums = tuple(stock.by_state[state] for state in LIVE)
    return None if (stock.held, stock.sold) == sums else f"{figures}, but its holds are held {sums[0]}, sold {sums[1]}"


def seats_fault(purchase: PurchaseSummary) -> str | None:
    """Return the fault of tickets without a seat of their own."""
    live = {kind: count for kind, count in purchase.live_tickets.items() if count}
    seats = {kind: sum(purchase.seats[kind, state] for state in LIVE) for kind in live}
    return next((f"{live[kind]} live tickets for {seats[kind]} seats of {kind}" for kind in live
                 if live[kind] > seats[kind]), None)  # fmt: skip


def refunds_fault(purchase: PurchaseSummary) -> str | None:
    """Return the fault of refunds that exceed the price."""
    of_sale = [refund for refund in purchase.refunds.values() if not refund.intent_id]
    given = sum(refund.amount_minor - refund.excess_minor for refund in of_sale)
    return f"refunds of {given} for a price of {purchase.total_minor}" if given > purchase.total_minor else None


def token_fault(state: InvariantState, ticket_id: str, ticket: TicketSummary) -> str | None:
    """Return the fault of a ticket with two addresses, or with another ticket's address."""
    if len(set(ticket.addresses)) > 1:
        return f"minted at {', '.join(ticket.addresses)}"
    others = {state.holders[address] for address in ticket.addresses} - {ticket_id}
    return f"its address belongs to {others.pop()}" if others else None


def _judge_stock(state: InvariantState, identity: str, findings: Findings) -> None:
    findings.judge(STOCK, identity, stock_fault(state.stocks[identity]))


def _judge_purchase(state: InvariantState, identity: str, findings: Findings) -> None:
    findings.judge(SEATS, identity, seats_fault(state.purchases[identity]))
    findings.judge(REFUNDS, identity, refunds_fault(state.purchases[identity]))


def _judge_ticket(state: InvariantState, identity: str, findings: Findings) -> None:
    findings.judge(TOKENS, identity, token_fault(state, identity, state.tickets[identity]))
    findings.judge(CLAIMED, identity, state.tickets[identity].stray)
    findings.judge(ENTERED, identity, state.tickets[identity].misused)
    judge_leaves(state, identity, findings)


def _judge_books(state: InvariantState, identity: str, findings: Findings) -> None:
    findings.judge(POSTINGS, identity, sum_fault(state.purchases[identity].sums))
    findings.judge(POSTINGS, "all books", sum_fault(state.sums))


JUDGES: dict[str, Callable[[InvariantState, str, Findings], None]] = {
    "stock": _judge_stock,
    "purchase": _judge_purchase,
    "ticket": _judge_ticket,
    "books": _judge_books,
    "tree": judge_tree,
}
