"""What the facts say, as the laws ask for it: compact, apart from the aggregates that decide.

It keeps some hundred bytes per purchase and ticket, and nothing per fact; `domain/invariants/folds.py` fills it.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

LIVE = ("held", "confirmed")


@dataclass(slots=True)
class Claim:
    """A hold."""

    quantity: int
    state: str


@dataclass(slots=True)
class Stock:
    """A ticket type: `held` and `sold` by the facts' arithmetic, `by_state` by what each hold has become."""

    capacity: int
    held: int = 0
    sold: int = 0
    claims: dict[str, Claim] = field(default_factory=dict)
    by_state: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Pass:
    """A ticket: whose it is, and every address at which it was minted."""

    owner: str
    ticket_type_id: str
    state: str = "reserved"
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class Return:
    """A refund: its whole amount, and what venue and tax give back for it."""

    at: datetime
    amount_minor: int
    venue_minor: int
    tax_minor: int
    state: str = "requested"
    by_hand: bool = False  # not by Stripe, nor out of a till


@dataclass(slots=True)
class Owner:
    """A purchase or an outside reservation: whoever seats, tickets and money belong to.

    One that nothing is known of but what names it (`kind` is empty) has a right to nothing.
    """

    kind: Literal["", "order", "reservation"] = ""
    state: str = "unknown"
    end: Literal["sold", "unsold"] | None = "unsold"
    deadline: datetime | None = None
    wanted: dict[str, int] = field(default_factory=dict)
    venue_id: str = ""
    total_minor: int = 0
    charge_minor: int = 0
    share_minor: int = 0
    tax_minor: int = 0
    disputed_share_minor: int = 0  # gone with disputes that were lost
    disputed_tax_minor: int = 0
    currency: str = ""
    seats: Counter[tuple[str, str]] = field(default_factory=Counter)
    live_tickets: Counter[str] = field(default_factory=Counter)
    tickets: list[str] = field(default_factory=list)
    payments: dict[str, str] = field(default_factory=dict)
    intents: set[str] = field(default_factory=set)
    books: Counter[tuple[str, str]] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    discounts: set[str] = field(default_factory=set)
    refunds: dict[str, Return] = field(default_factory=dict)
    refunded_tickets: set[str] = field(default_factory=set)
    returned_seats: Counter[str] = field(default_factory=Counter)  # on sale again, by ticket type


class Standing:
    """All owners, tickets, stocks and books; `touched` names what changed since it was last emptied."""

    def __init__(self) -> None:
        self.owners: dict[str, Owner] = {}
        self.tickets: dict[str, Pass] = {}
        self.stocks: dict[str, Stock] = {}
        self.books: Counter[tuple[str, str]] = Counter()
        self.sums: Counter[str] = Counter()
        self.holders: dict[str, str] = {}
        self.touched: set[tuple[str, str]] = set()

    def owner(self, identity: str) -> Owner:
        """Return an owner, begun as unknown, and note that it changed."""
        self.touched.add(("owner", identity))
        return self.owners.setdefault(identity, Owner())

    def ticket(self, identity: str) -> Pass:
        """Return a ticket, and note that it and its owner changed."""
        ticket = self.tickets[identity]
        self.touched |= {("ticket", identity), ("owner", ticket.owner)}
        return ticket

    def stock(self, identity: str) -> Stock:
        """Return a ticket type, and note that it changed."""
        stock = self.stocks[identity]
        self.touched.add(("stock", identity))
        return stock
