"""The invariants of conservation: what stays true whatever breaks. One list, for tests, chaos runs and `reconcile`.

An invariant of the moment `commit` holds after every transaction of the event store: `domain/invariants/per_commit.py`.
An invariant of the moment `rest` is about several systems, or about what is still to be done, and is judged by
`domain/invariants/cross_system.py` for a purchase that has ended and that nobody works on.
"""

from collections import Counter
from typing import Literal, NamedTuple


class Invariant(NamedTuple):
    """An invariant: its stable name, one sentence, and the moment at which it holds."""

    name: str
    sentence: str
    moment: Literal["commit", "rest"]


class Violation(NamedTuple):
    """A broken invariant: which, of whom, and the figures."""

    invariant: str
    subject: str
    detail: str


HISTORY = Invariant(
    "unbroken-history",
    "Every event follows from the one before it in its stream: no version is missing and no stored byte differs.",
    "commit",
)
STOCK = Invariant(
    "stock-is-capacity",
    "Of every ticket type, available + held + sold is the capacity, and none of them is below zero.",
    "commit",
)
SEATS = Invariant(
    "one-ticket-per-seat",
    "No two live tickets stand for one unit of stock: nobody has more live tickets than seats that are held or sold.",
    "commit",
)
TOKENS = Invariant(
    "one-address-per-ticket",
    "A ticket is minted at one address at most, and no address belongs to two tickets.",
    "commit",
)
POSTINGS = Invariant(
    "postings-balance",
    "Postings are of more than nothing and sum to zero in every unit: per transaction, per purchase and in all.",
    "commit",
)
REFUNDS = Invariant(
    "refunds-within-price",
    "All refunds of a purchase together are never more than its price.",
    "commit",
)
CAPTURES = Invariant(
    "money-has-an-owner",
    "Every capture that is not fully refunded has exactly one of: a live order that it pays, an open case.",
    "rest",
)
ONE_CAPTURE = Invariant(
    "one-capture-per-purchase",
    "A purchase has at most one capture that is not fully refunded.",
    "rest",
)
PAID = Invariant(
    "sale-is-paid",
    "Of every live order Stripe keeps the price less the refunds that it made; of one paid in cash the till does, and"
    " Stripe nothing.",
    "rest",
)
ARRIVED = Invariant(
    "refund-arrives",
    "Every refund that nobody works on has arrived: by Stripe, at the till or paid by hand, and the buyer is owed"
    " nothing.",
    "rest",
)
DELIVERED = Invariant(
    "sale-is-delivered",
    "A sold order has its seats but those on sale again, a valid ticket for each not refunded, and none is still owed.",
    "rest",
)
MINTED = Invariant(
    "one-nft-per-ticket",
    "Every ticket of a fulfilled order is minted, with a supply of one on chain; a refunded one has none there.",
    "rest",
)
CLEARING = Invariant("stripe-is-in-the-books", "Stripe's net is what the books' clearing account says.", "rest")
SHARE = Invariant(
    "venue-has-its-share",
    "A venue and its tax keep their part of every live order less its refunds, and nothing without a sale.",
    "rest",
)
BALANCES = Invariant("balance-is-its-lines", "The balance that is shown of an account is the sum of its lines.", "rest")
ENDS = Invariant(
    "ends-in-time", "No purchase and no outside hold is without an end once its deadlines have passed.", "rest"
)
UNDONE = Invariant(
    "undo-ran",
    "What ended without a sale holds no seat, ticket, discount or open payment: every compensation owed has run.",
    "rest",
)
INVARIANTS = (
    HISTORY, STOCK, SEATS, TOKENS, POSTINGS, REFUNDS,
    CAPTURES, ONE_CAPTURE, PAID, ARRIVED, DELIVERED, MINTED, CLEARING, SHARE, BALANCES, ENDS, UNDONE,
)  # fmt: skip


class Findings:
    """What was judged: how often each invariant was looked at, and where it was broken (once per subject)."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self._broken: dict[tuple[str, str], Violation] = {}

    def judge(self, invariant: Invariant, subject: str, fault: str | None) -> None:
        """Count one look; keep the first fault of an invariant and a subject."""
        self.checked[invariant.name] += 1
        if fault is not None:
            self._broken.setdefault((invariant.name, subject), Violation(invariant.name, subject, fault))

    @property
    def violations(self) -> list[Violation]:
        """The broken invariants, in the order in which they were found."""
        return list(self._broken.values())
