"""The books: double entry, one balanced transaction per money event, idempotent by its key.

Balances are credits minus debits, per unit: liabilities are positive, assets (`stripe:clearing`) are negative.
Mint debt, paid tickets that are not on chain yet, is kept in a unit of its own (`TICKET`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from domain.core.aggregate import Aggregate, CreatedEvent
from domain.money.breakdown import AmountBreakdown, FeesBorneBy
from domain.money.money import Price

STRIPE_CLEARING = "stripe:clearing"
PLATFORM_FEES = "platform:fees"
PROCESSING_FEES = "processing:fees"
PLATFORM_BANK = "platform:bank"
DISPUTE_LOSSES = "dispute:losses"
REFUND_LOSSES = "refund:losses"
MINT_DEBT = "mint:debt"
TICKETS_SOLD = "tickets:sold"
TICKET_UNIT = "TICKET"
VENUES_SENT = "venues:sent"
# A venue's money: with us, in its Stripe account, held back for a dispute, paid out to its bank or taken in cash.
VENUE_ACCOUNTS = {"pending": "payable", "available": "transferred", "reserved": "reserved", "paid_out": "paid-out"}


def sale_key(purchase_id: str) -> str:
    """Return the key of a sale's transaction."""
    return f"{purchase_id}:sale"


def mint_key(ticket_id: str) -> str:
    """Return the key of the transaction that ends a ticket's mint debt."""
    return f"{ticket_id}:minted"


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount debited to one account and credited to another, so that every posting balances."""

    debit: str
    credit: str
    amount: int
    unit: str

    def __post_init__(self) -> None:
        """Raise ValueError for an amount that is not positive."""
        if self.amount <= 0:
            raise ValueError("the amount of a posting must be positive")

    def plain(self) -> dict[str, Any]:
        """Return the posting as events store it."""
        return {"debit": self.debit, "credit": self.credit, "amount": self.amount, "unit": self.unit}


class TransactionPosted(CreatedEvent["BooksTransaction"]):
    """A money event was posted to the books.

    `intent_id` names the payment whose charge it is about, where a purchase may have several; empty: the purchase's.
    """

    TOPIC = "books.transaction-posted"

    tenant_id: str
    purchase_id: str
    kind: str
    postings: list[dict[str, Any]]
    intent_id: str = ""

    def apply(self, transaction: "BooksTransaction") -> None:
        """Keep the postings."""
        transaction.posted = self.postings


class BooksTransaction(Aggregate):
    """A balanced set of postings; its id is its key."""

    TOPIC = "books"
    STREAM_CATEGORY = "books"
    CACHED = False

    tenant_id: str
    purchase_id: str
    kind: str
    posted: list[dict[str, Any]] = field(init=False)  # as stored
    intent_id: str

    @property
    def postings(self) -> tuple[Posting, ...]:
        """The postings, built on access."""
        return tuple(Posting(**posting) for posting in self.posted)


def venue_account(venue_id: str, name: str) -> str:
    """Return the name of one of a venue's accounts, by its key in `VENUE_ACCOUNTS`."""
    return f"venue:{venue_id}:{VENUE_ACCOUNTS[name]}"


def venue_payable(venue_id: str) -> str:
    """Return the name of the account of our debt to a venue."""
    return venue_account(venue_id, "pending")


def tax_payable(venue_id: str) -> str:
    """Return the name of the account of the tax collected with a venue's sales."""
    return f"tax:{venue_id}:payable"


def cash_till(venue_id: str) -> str:
    """Return the name of the account of the cash in a venue's till."""
    return f"till:{venue_id}:cash"


def sale_postings(venue_id: str, price: Price, stripe_fee_minor: int, ticket_count: int) -> tuple[Posting, ...]:
    """Post a sale: the buyer's money to venue, fees and tax, Stripe's real fee, and the tickets owed.

    Card payments are at Stripe. Cash is in the till of the venue's box office: it counts as paid out to the venue in
    full, and the venue owes fees and tax. Absorbed fees pass through the venue's account, so that its statement shows
    them. Nothing is posted for a discount.
    """
    venue, fees = venue_payable(venue_id), price.platform_fee_minor + price.processing_fee_minor
    absorbed, in_cash = price.fees == "absorbed", price.tender == "cash"
    taken = (STRIPE_CLEARING, venue, price.venue_share_minor + (fees if absorbed else 0))
    if in_cash:
        taken = (cash_till(venue_id), venue_account(venue_id, "paid_out"), price.total_minor)
    payer = venue if absorbed or in_cash else STRIPE_CLEARING
    money = (
        taken,
        (payer, PLATFORM_FEES, price.platform_fee_minor),
        (payer, PROCESSING_FEES, price.processing_fee_minor),
        (venue if in_cash else STRIPE_CLEARING, tax_payable(venue_id), price.tax_minor),
        (PROCESSING_FEES, STRIPE_CLEARING, stripe_fee_minor),
    )
    posted = [
        Posting(debit=debit, credit=credit, amount=amount, unit=price.currency)
        for debit, credit, amount in money
        if amount
    ]
    owed = Posting(debit=TICKETS_SOLD, credit=MINT_DEBT, amount=ticket_count, unit=TICKET_UNIT)
    return (*posted, owed)


def unsold_postings(purchase_id: str, currency: str, captured_minor: int, stripe_fee_minor: int) -> tuple[Posting, ...]:
    """Post captured money that bought nothing: it is owed to its buyer, and Stripe keeps its fee."""
    owed = (
        (STRIPE_CLEARING, buyer_refundable(purchase_id), captured_minor),
        (PROCESSING_FEES, STRIPE_CLEARING, stripe_fee_minor),
    )
    return tuple(
        Posting(debit=debit, credit=credit, amount=amount, unit=currency) for debit, credit, amount in owed if amount
    )


def transfer_postings(venue_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a transfer of a share to the venue's Stripe account: it leaves our debt and Stripe clearing."""
    pending, available = venue_account(venue_id, "pending"), venue_account(venue_id, "available")
    return (
        Posting(debit=pending, credit=STRIPE_CLEARING, amount=amount_minor, unit=currency),
        Posting(debit=VENUES_SENT, credit=available, amount=amount_minor, unit=currency),
    )


def reversal_postings(venue_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a reversed part of a transfer."""
    pending, available = venue_account(venue_id, "pending"), venue_account(venue_id, "available")
    return (
        Posting(debit=STRIPE_CLEARING, credit=pending, amount=amount_minor, unit=currency),
        Posting(debit=available, credit=VENUES_SENT, amount=amount_minor, unit=currency),
    )


def payout_postings(venue_id: str, currency: str, amount_minor: int, *, returned: bool) -> tuple[Posting, ...]:
    """Post a payout from the venue's Stripe account to its bank (negative: from its bank), or its return."""
    available, paid_out = venue_account(venue_id, "available"), venue_account(venue_id, "paid_out")
    debit, credit = (available, paid_out) if (amount_minor > 0) != returned else (paid_out, available)
    return (Posting(debit=debit, credit=credit, amount=abs(amount_minor), unit=currency),)


def buyer_refundable(purchase_id: str) -> str:
    """Return the name of the account of our debt to a buyer: refunds that have not reached the bank."""
    return f"buyer:{purchase_id}:refundable"


def owed_postings(
    venue_id: str, purchase_id: str, currency: str, given: AmountBreakdown, fees: FeesBorneBy
) -> tuple[Posting, ...]:
    """Post a refund decision: the buyer is owed the amounts taken back from venue, fees and tax.

    If the venue bears the fees, its account pays them instead of the platform's; it may become negative, which is a
    debt of the venue. Stripe's own fee is not refunded.
    """
    venue = venue_payable(venue_id)
    platform, processing = (venue, venue) if fees == "venue" else (PLATFORM_FEES, PROCESSING_FEES)
    sources = (venue, platform, processing, tax_payable(venue_id))
    owed = buyer_refundable(purchase_id)
    return tuple(
        Posting(debit=source, credit=owed, amount=amount, unit=currency)
        for source, amount in zip(sources, given.figures, strict=True)
        if amount
    )


def excess_postings(
    purchase_id: str, currency: str, amount_minor: int, *, returned: bool = False
) -> tuple[Posting, ...]:
    """Post what a person gave back at Stripe beyond what was owed: the platform's loss; or the return of that."""
    owed = buyer_refundable(purchase_id)
    debit, credit = (owed, REFUND_LOSSES) if returned else (REFUND_LOSSES, owed)
    return (Posting(debit=debit, credit=credit, amount=amount_minor, unit=currency),) if amount_minor else ()


def paid_back_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that succeeded at Stripe."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=owed, credit=STRIPE_CLEARING, amount=amount_minor, unit=currency),)


def by_hand_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund paid by an operator from the platform's own bank account, after Stripe failed."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=owed, credit=PLATFORM_BANK, amount=amount_minor, unit=currency),)


def at_till_postings(venue_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that is owed at the till: the venue holds that cash for the buyer, and it is not paid out to it."""
    kept = venue_account(venue_id, "paid_out")
    return (Posting(debit=kept, credit=venue_payable(venue_id), amount=amount_minor, unit=currency),)


def handed_out_postings(venue_id: str, purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that the box office handed out in cash: it leaves the till."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=owed, credit=cash_till(venue_id), amount=amount_minor, unit=currency),)


def came_back_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that failed after it had succeeded: the money is at Stripe and owed to the buyer again."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=STRIPE_CLEARING, credit=owed, amount=amount_minor, unit=currency),)


def minted_postings() -> tuple[Posting, ...]:
    """Post one ticket that was minted on chain."""
    return (Posting(debit=MINT_DEBT, credit=TICKETS_SOLD, amount=1, unit=TICKET_UNIT),)


def balances(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    """Fold postings into (account, unit) → credits minus debits."""
    totals: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        totals[posting.credit, posting.unit] += posting.amount
        totals[posting.debit, posting.unit] -= posting.amount
    return dict(totals)
