"""The invariants: one list, for tests, chaos runs and `reconcile`.

An invariant of the moment `commit` holds after every transaction of the event store: `domain/invariants/per_commit.py`.
An invariant of the moment `rest` spans several systems or pending work, and is judged by
`domain/invariants/cross_system.py` for a purchase that has ended and that no workflow is processing.
"""

from collections import Counter
from typing import Literal, NamedTuple


class Invariant(NamedTuple):
    """An invariant: its stable name, its sentence, and the moment at which it holds."""

    name: str
    sentence: str
    moment: Literal["commit", "rest"]


class Violation(NamedTuple):
    """A violation: the invariant's name, the subject, and the figures."""

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
    "For every ticket type, available + held + sold equals the capacity, and none of them is negative.",
    "commit",
)
SEATS = Invariant(
    "one-ticket-per-seat",
    "No two live tickets share one unit of stock: no purchase or hold has more live tickets than seats held or sold.",
    "commit",
)
TOKENS = Invariant(
    "one-address-per-ticket",
    "A ticket is minted at one address at most, and no address belongs to two tickets.",
    "commit",
)
CLAIMED = Invariant(
    "claimed-once",
    "A token is delivered only to an open claim, once, and by stored bytes; a soulbound one is never in custody.",
    "commit",
)
ENTERED = Invariant(
    "entered-once",
    "A ticket gives entry once, and only while it is paid and not void; again only after that entry was undone.",
    "commit",
)
LEAVES = Invariant(
    "one-leaf-per-ticket",
    "A ticket is one leaf at most, at the place that it knows; a leaf that ended is nullified once, no token is signed"
    " for one that has not, and no root goes back.",
    "commit",
)
POSTINGS = Invariant(
    "postings-balance",
    "Postings have positive amounts and sum to zero in every unit: per transaction, per purchase and in all.",
    "commit",
)
REFUNDS = Invariant(
    "refunds-within-price",
    "All refunds of a sale together never exceed its price, but for what a person gave back at Stripe beyond it.",
    "commit",
)
CAPTURES = Invariant(
    "money-has-an-owner",
    "Every capture that is not fully refunded has exactly one of: a live order that it pays, an open case; but for"
    " the part that was paid back by hand.",
    "rest",
)
ONE_CAPTURE = Invariant(
    "one-capture-per-purchase",
    "A purchase has at most one capture that is not fully refunded.",
    "rest",
)
PAID = Invariant(
    "sale-is-paid",
    "For every live order Stripe keeps the price less its own refunds; for one paid in cash the till does, and Stripe"
    " nothing.",
    "rest",
)
ARRIVED = Invariant(
    "refund-arrives",
    "Every refund that no workflow is processing has arrived, by Stripe, a bank or by hand, or is cash at the till; the"
    " buyer is owed just that cash, in the books and by every payment.",
    "rest",
)
DELIVERED = Invariant(
    "sale-is-delivered",
    "A sold order has its seats except those on sale again, a valid ticket for each not refunded, and no token owed but"
    " those that wait for their claim or, as leaves, for their root.",
    "rest",
)
MINTED = Invariant(
    "one-nft-per-ticket",
    "Every ticket of a fulfilled order is minted, a soulbound one or a leaf when it is claimed: a supply of one, or"
    " burnt by its holder; a refunded or unsold one has none at any address ever signed for it, and no leaf. Every"
    " recorded group is on chain.",
    "rest",
)
ROOTS = Invariant(
    "root-is-on-chain",
    "The root in the mint of a show that mints on claim is that of its recorded leaves, written last or being written;"
    " the books owe none of the leaves under it.",
    "rest",
)
CLEARING = Invariant(
    "stripe-is-in-the-books",
    "For every charge, the net of its balance transactions at Stripe equals its part of the clearing account.",
    "rest",
)
SHARE = Invariant(
    "venue-has-its-share",
    "A venue and its tax keep their part of every live order less its refunds, and nothing without a sale.",
    "rest",
)
PARTIES = Invariant(
    "parties-have-their-parts",
    "Platform, processing, dispute reserve and losses have what price, refunds, Stripe's fees and disputes leave them.",
    "rest",
)
VENUE_BALANCE = Invariant(
    "venue-balance-is-in-the-books",
    "A venue's own balance at Stripe, less its payouts under way, equals what was sent to it and not paid out.",
    "rest",
)
OWN_MONEY = Invariant(
    "own-money-is-in-the-books",
    "Every movement of our own Stripe balance that belongs to no payment, such as a payout, is in the books once.",
    "rest",
)
WHOLE_BALANCE = Invariant(
    "whole-balance-is-in-the-books",
    "Our whole balance at Stripe equals the clearing account, per currency.",
    "rest",
)
BALANCES = Invariant("balance-is-its-lines", "The displayed balance of an account is the sum of its lines.", "rest")
ENDS = Invariant(
    "ends-in-time", "Every purchase and every external hold has ended once its deadlines have passed.", "rest"
)
UNDONE = Invariant(
    "undo-ran",
    "A purchase or hold that ended unsold has no seat, ticket, discount or open payment: every compensation has run.",
    "rest",
)
INVARIANTS = (
    HISTORY, STOCK, SEATS, TOKENS, CLAIMED, ENTERED, LEAVES, POSTINGS, REFUNDS,
    CAPTURES, ONE_CAPTURE, PAID, ARRIVED, DELIVERED, MINTED, ROOTS, CLEARING, SHARE, PARTIES,
    VENUE_BALANCE, OWN_MONEY, WHOLE_BALANCE, BALANCES, ENDS, UNDONE,
)  # fmt: skip


class Findings:
    """The results of judging: checks per invariant, and violations (one per invariant and subject)."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.unexplained_minor: dict[str, int] = {}  # by currency: the books' whole balance less Stripe's
        self._broken: dict[tuple[str, str], Violation] = {}

    def judge(self, invariant: Invariant, subject: str, fault: str | None) -> None:
        """Count one check; keep the first fault per invariant and subject."""
        self.checked[invariant.name] += 1
        if fault is not None:
            self._broken.setdefault((invariant.name, subject), Violation(invariant.name, subject, fault))

    def __or__(self, later: "Findings") -> "Findings":
        """Return both, as judged one after the other; the amounts are the later's."""
        both = Findings()
        both.checked = self.checked + later.checked
        both.unexplained_minor = later.unexplained_minor
        both._broken = later._broken | self._broken
        return both

    @property
    def violations(self) -> list[Violation]:
        """The violations, in the order in which they were found."""
        return list(self._broken.values())
