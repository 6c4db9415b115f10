"""State summaries judged by the invariants: compact, and independent of the aggregates.

They take some hundred bytes per purchase and ticket, and nothing per event; `domain/invariants/folds.py` fills them.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from domain.tickets.leaf import TreeRoot

LIVE = ("held", "confirmed")


@dataclass(slots=True)
class HoldSummary:
    """The quantity and state of a hold."""

    quantity: int
    state: str


@dataclass(slots=True)
class StockSummary:
    """A ticket type: `held` and `sold` by the events' arithmetic, `by_state` by the states of the holds."""

    capacity: int
    held: int = 0
    sold: int = 0
    claims: dict[str, HoldSummary] = field(default_factory=dict)
    by_state: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class TicketSummary:
    """A ticket: its purchase, every address at which it was minted, and every address signed for it.

    `at_claim`: it gets its token only when it is claimed. `transfers` are the signatures of its claim's signed moves;
    `stray` is the fault of a token that was signed, moved or delivered without its claim, `misused` that of an entry.
    """

    purchase: str
    ticket_type_id: str
    state: str = "reserved"
    addresses: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    at_claim: bool = False
    claim: str = "none"
    transfers: tuple[str, ...] = ()
    stray: str | None = None
    check_in_id: str | None = None  # that of the entry; "" without one, None while nobody is in
    misused: str | None = None
    leaf: tuple[int, str] | None = None  # place and hash, as the ticket knows them
    leaf_end: str | None = None
    places: list[tuple[str, int, str]] = field(default_factory=list)  # show, place and hash, as the trees know them
    nullified: int = 0


@dataclass(slots=True)
class TreeSummary:
    """The tree of a show: every change of a leaf, the ticket of each leaf, and the roots signed and written last."""

    show_mint: str
    changes: list[tuple[int, bytes]] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    signed: tuple[int, TreeRoot] | None = None
    before: int = -1
    version: int = -1
    root: TreeRoot | None = None
    settled: int = 0
    has_gap: bool = False


@dataclass(slots=True)
class RefundSummary:
    """A refund: its whole amount, and the parts taken back from venue and tax."""

    at: datetime
    amount_minor: int
    venue_minor: int
    tax_minor: int
    state: str = "requested"
    by_hand_minor: int = 0  # paid neither by Stripe nor from a till
    platform_minor: int = 0
    processing_minor: int = 0
    by_bank_minor: int = 0  # the buyer has it from a bank, by a dispute
    intent_id: str = ""  # of a payment that bought nothing; empty for a refund of the sale
    currency: str = ""  # of that payment; empty for the sale's own
    at_till: bool = False  # cash that is still to be handed out
    excess_minor: int = 0  # given back at Stripe although nobody owed it: the platform's loss


@dataclass(slots=True)
class DisputeSummary:
    """A dispute: what was withdrawn and returned of it, and what each holder has lost."""

    amount_minor: int
    currency: str
    parts: Counter[str]
    state: str = "open"
    returned_minor: int = 0


@dataclass(slots=True)
class PurchaseSummary:
    """A purchase or an external reservation: the owner of seats, tickets and money.

    An owner known only by reference (`kind` is empty) is entitled to nothing.
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
    platform_minor: int = 0
    processing_minor: int = 0
    disputes: dict[str, DisputeSummary] = field(default_factory=dict)
    currency: str = ""
    seats: Counter[tuple[str, str]] = field(default_factory=Counter)
    live_tickets: Counter[str] = field(default_factory=Counter)
    tickets: list[str] = field(default_factory=list)
    payments: dict[str, str] = field(default_factory=dict)
    intents: set[str] = field(default_factory=set)
    strays: set[str] = field(default_factory=set)  # payments that bought nothing
    clearing: Counter[tuple[str, str]] = field(default_factory=Counter)  # by payment; empty: the purchase's own
    books: Counter[tuple[str, str]] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    discounts: set[str] = field(default_factory=set)
    refunds: dict[str, RefundSummary] = field(default_factory=dict)
    refunded_tickets: set[str] = field(default_factory=set)
    returned_seats: Counter[str] = field(default_factory=Counter)  # on sale again, by ticket type

    def lost(self, part: str) -> int:
        """Return what lost disputes have taken of a holder's part."""
        return sum(dispute.parts[part] for dispute in self.disputes.values() if dispute.state == "lost")


class InvariantState:
    """All owners, tickets, stocks and books; `touched` are the subjects changed since it was last cleared."""

    def __init__(self) -> None:
        self.purchases: dict[str, PurchaseSummary] = {}
        self.tickets: dict[str, TicketSummary] = {}
        self.stocks: dict[str, StockSummary] = {}
        self.books: Counter[tuple[str, str]] = Counter()
        self.sums: Counter[str] = Counter()
        self.holders: dict[str, str] = {}
        self.entries: Counter[tuple[str, str]] = Counter()  # of our own balance, by balance transaction and unit
        self.accounts: dict[str, str] = {}  # the venue of each connected account
        self.sending: defaultdict[str, set[str]] = defaultdict(set)  # undecided transfers and reversals of a venue
        self.signed: dict[str, str] = {}  # every address that a mint was signed for, and its stream
        self.minted_groups: set[str] = set()
        self.soulbound_shows: set[str] = set()
        self.trees: dict[str, TreeSummary] = {}  # of the shows that mint on claim
        self.minted_keys: set[str] = set()  # of the postings of single tickets
        self.touched: set[tuple[str, str]] = set()

    def purchase(self, identity: str) -> PurchaseSummary:
        """Return an owner, created as unknown, and mark it as changed."""
        self.touched.add(("purchase", identity))
        return self.purchases.setdefault(identity, PurchaseSummary())

    def ticket(self, identity: str) -> TicketSummary:
        """Return a ticket, and mark it and its owner as changed."""
        ticket = self.tickets[identity]
        self.touched |= {("ticket", identity), ("purchase", ticket.purchase)}
        return ticket

    def stock(self, identity: str) -> StockSummary:
        """Return a ticket type, and mark it as changed."""
        stock = self.stocks[identity]
        self.touched.add(("stock", identity))
        return stock
