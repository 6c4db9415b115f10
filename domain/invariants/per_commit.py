"""The laws that hold after every transaction of the ledger, judged while its facts are read in order.

A transaction's facts stand next to each other and share their time, since time is passed in once per transaction. So a
run of neighbours with one timestamp is taken for one transaction. Two transactions of the same microsecond look like
one: then the moment between them is not judged. A moment that never was (the middle of a transaction) never is.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from domain.core.aggregate import GENESIS, Fact, digest_of
from domain.invariants.folds import apply, sides_of
from domain.invariants.invariant import HISTORY, POSTINGS, REFUNDS, SEATS, STOCK, TOKENS, Findings
from domain.invariants.state import LIVE, Owner, Pass, Standing, Stock
from domain.money.books import TransactionPosted


class History:
    """Takes all facts of a ledger in the order of their positions; `moving` are the owners touched since `mark`."""

    def __init__(self, findings: Findings) -> None:
        self.standing = Standing()
        self.moving: set[str] = set()
        self.facts = 0
        self.commits = 0
        self._findings = findings
        self._ends: dict[str, tuple[int, str]] = {}
        self._at: datetime | None = None
        self._marked = False

    def take(self, facts: Iterable[Fact]) -> None:
        """Take the next facts; a transaction is judged when the first fact of the next one comes, or at `settle`."""
        for fact in facts:
            if fact.timestamp != self._at:
                self.settle()
            self._at = fact.timestamp
            self.facts += 1
            self._findings.judge(HISTORY, fact.originator_id, self._link_fault(fact))
            try:
                if isinstance(fact, TransactionPosted):
                    self._findings.judge(POSTINGS, fact.originator_id, transaction_fault(fact))
                apply(self.standing, fact)
            except LookupError as missing:
                fault = f"{type(fact).__name__} is about {missing}, which no fact before it has made"
                self._findings.judge(HISTORY, fact.originator_id, fault)

    def settle(self) -> None:
        """Judge what the facts since the last transaction have touched."""
        self.commits += self._at is not None
        self._at = None
        for kind, identity in sorted(self.standing.touched):
            JUDGES[kind](self.standing, identity, self._findings)
        if self._marked:
            self.moving |= {identity for kind, identity in self.standing.touched if kind == "owner"}
        self.standing.touched.clear()

    def mark(self) -> None:
        """From here on, note who changes: whoever changes while other systems are read cannot be held against them."""
        self.settle()
        self._marked = True

    def _link_fault(self, fact: Fact) -> str | None:
        """Say how a fact does not follow from the one before it in its stream."""
        version, digest = self._ends.get(fact.originator_id, (0, GENESIS))
        self._ends[fact.originator_id] = (fact.originator_version, fact.digest)
        if fact.originator_version != version + 1:
            return f"version {fact.originator_version} follows version {version}"
        if digest_of(digest, type(fact), dict(vars(fact))) != fact.digest:
            return f"the digest of version {version + 1} ({type(fact).__name__}) differs"
        return None


def transaction_fault(fact: TransactionPosted) -> str | None:
    """Say what is wrong with one transaction of the books."""
    if any(posting["amount"] < 1 for posting in fact.postings):
        return f"it has a posting of {min(posting['amount'] for posting in fact.postings)}"
    sums: Counter[str] = Counter()
    for _, unit, amount in sides_of(fact):
        sums[unit] += amount
    return sum_fault(sums)


def sum_fault(sums: Counter[str]) -> str | None:
    """Say which units do not sum to zero."""
    off = {unit: total for unit, total in sorted(sums.items()) if total}
    return f"postings sum to {off}" if off else None


def stock_fault(stock: Stock) -> str | None:
    """Say how a ticket type's seats do not sum up."""
    available = stock.capacity - stock.held - stock.sold
    figures = f"available {available}, held {stock.held}, sold {stock.sold} of {stock.capacity}"
    if min(available, stock.held, stock.sold) < 0:
        return figures
    sums = tuple(stock.by_state[state] for state in LIVE)
    return None if (stock.held, stock.sold) == sums else f"{figures}, but its holds are held {sums[0]}, sold {sums[1]}"


def seats_fault(owner: Owner) -> str | None:
    """Say which tickets have no seat of their own."""
    live = {kind: count for kind, count in owner.live_tickets.items() if count}
    seats = {kind: sum(owner.seats[kind, state] for state in LIVE) for kind in live}
    return next((f"{live[kind]} live tickets for {seats[kind]} seats of {kind}" for kind in live
                 if live[kind] > seats[kind]), None)  # fmt: skip


def refunds_fault(owner: Owner) -> str | None:
    """Say that more is given back than was paid."""
    given = sum(refund.amount_minor for refund in owner.refunds.values())
    return f"refunds of {given} for a price of {owner.total_minor}" if given > owner.total_minor else None


def token_fault(standing: Standing, ticket_id: str, ticket: Pass) -> str | None:
    """Say how a ticket is not the only one at its only address."""
    if len(set(ticket.addresses)) > 1:
        return f"minted at {', '.join(ticket.addresses)}"
    others = {standing.holders[address] for address in ticket.addresses} - {ticket_id}
    return f"its address belongs to {others.pop()}" if others else None


def _judge_stock(standing: Standing, identity: str, findings: Findings) -> None:
    findings.judge(STOCK, identity, stock_fault(standing.stocks[identity]))


def _judge_owner(standing: Standing, identity: str, findings: Findings) -> None:
    findings.judge(SEATS, identity, seats_fault(standing.owners[identity]))
    findings.judge(REFUNDS, identity, refunds_fault(standing.owners[identity]))


def _judge_ticket(standing: Standing, identity: str, findings: Findings) -> None:
    findings.judge(TOKENS, identity, token_fault(standing, identity, standing.tickets[identity]))


def _judge_books(standing: Standing, identity: str, findings: Findings) -> None:
    findings.judge(POSTINGS, identity, sum_fault(standing.owners[identity].sums))
    findings.judge(POSTINGS, "all books", sum_fault(standing.sums))


JUDGES: dict[str, Callable[[Standing, str, Findings], None]] = {
    "stock": _judge_stock,
    "owner": _judge_owner,
    "ticket": _judge_ticket,
    "books": _judge_books,
}
