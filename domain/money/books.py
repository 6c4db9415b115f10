"""The books: double entry, one balanced transaction per money event, idempotent by its key.

Balances are credits minus debits, per unit: what we owe is positive, what we have (`stripe:clearing`) is negative.
Mint debt, tickets that are paid and not on chain yet, is kept in a unit of its own (`TICKET`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.core.aggregate import Aggregate, CreatedEvent
from domain.money.breakdown import AmountBreakdown, FeesBorneBy
from domain.money.money import Price

STRIPE_CLEARING = "stripe:clearing"
PLATFORM_FEES = "platform:fees"
PROCESSING_FEES = "processing:fees"
PLATFORM_BANK = "platform:bank"
MINT_DEBT = "mint:debt"
TICKETS_SOLD = "tickets:sold"
TICKET_UNIT = "TICKET"
VENUES_SENT = "venues:sent"
# What is a venue's: with us, in its Stripe account, held back for a dispute, arrived at its bank or taken by its till.
VENUE_ACCOUNTS = {"pending": "payable", "available": "transferred", "reserved": "reserved", "paid_out": "paid-out"}


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount that is debited to one account and credited to another; so every posting balances."""

    debit: str
    credit: str
    amount: int
    unit: str

    def __post_init__(self) -> None:
        """Refuse an amount that moves nothing, or backwards."""
        if self.amount <= 0:
            raise ValueError("a posting moves a positive amount")

    def plain(self) -> dict[str, Any]:
        """Return it as an event holds it."""
        return {"debit": self.debit, "credit": self.credit, "amount": self.amount, "unit": self.unit}


class TransactionPosted(CreatedEvent["BooksTransaction"]):
    """A money event went into the books."""

    TOPIC = "books.transaction-posted"

    tenant_id: str
    purchase_id: str
    kind: str
    postings: list[dict[str, Any]]


class BooksTransaction(Aggregate):
    """A set of postings that balances; its id is its key."""

    TOPIC = "books"
    STREAM_CATEGORY = "books"
    CACHED = False

    def __init__(self, tenant_id: str, purchase_id: str, kind: str, postings: list[dict[str, Any]]) -> None:
        """Keep the postings as they were posted."""
        self.tenant_id = tenant_id
        self.purchase_id = purchase_id
        self.kind = kind
        self._posted = postings

    @property
    def postings(self) -> tuple[Posting, ...]:
        """The postings, made when somebody looks: whoever posts them has made them once."""
        return tuple(Posting(**posting) for posting in self._posted)


def venue_account(venue_id: str, name: str) -> str:
    """Name one of a venue's accounts, by what it says of the venue's money (`VENUE_ACCOUNTS`)."""
    return f"venue:{venue_id}:{VENUE_ACCOUNTS[name]}"


def venue_payable(venue_id: str) -> str:
    """Name the account that says what we owe a venue."""
    return venue_account(venue_id, "pending")


def tax_payable(venue_id: str) -> str:
    """Name the account that says what was taken for the tax office out of a venue's sales."""
    return f"tax:{venue_id}:payable"


def cash_till(venue_id: str) -> str:
    """Name the account that says what cash a venue's box office has taken and not handed out again."""
    return f"till:{venue_id}:cash"


def sale_postings(venue_id: str, price: Price, stripe_fee_minor: int, ticket_count: int) -> tuple[Posting, ...]:
    """Post a sale: the buyer's money to venue, fees and tax, Stripe's real fee, and the tickets we owe.

    The money lies at Stripe. Cash lies in the till of the venue's own box office: all of it is paid out with that, and
    the venue owes fees and tax. Absorbed fees pass through the venue's account, so that its statement shows them. A
    discount is money that never was: nothing is posted for it.
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


def refund_postings(currency: str, stripe_fee_minor: int) -> tuple[Posting, ...]:
    """Post a payment that was taken and wholly given back before any sale: what is left of it is Stripe's fee."""
    if not stripe_fee_minor:
        return ()
    return (Posting(debit=PROCESSING_FEES, credit=STRIPE_CLEARING, amount=stripe_fee_minor, unit=currency),)


def transfer_postings(venue_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a share that went to the venue's account at Stripe: we owe it no more, and have it no more."""
    pending, available = venue_account(venue_id, "pending"), venue_account(venue_id, "available")
    return (
        Posting(debit=pending, credit=STRIPE_CLEARING, amount=amount_minor, unit=currency),
        Posting(debit=VENUES_SENT, credit=available, amount=amount_minor, unit=currency),
    )


def reversal_postings(venue_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a part of a transfer that came back."""
    pending, available = venue_account(venue_id, "pending"), venue_account(venue_id, "available")
    return (
        Posting(debit=STRIPE_CLEARING, credit=pending, amount=amount_minor, unit=currency),
        Posting(debit=available, credit=VENUES_SENT, amount=amount_minor, unit=currency),
    )


def payout_postings(venue_id: str, currency: str, amount_minor: int, *, returned: bool) -> tuple[Posting, ...]:
    """Post what Stripe paid out of the venue's account to its bank, or what came back from there."""
    available, paid_out = venue_account(venue_id, "available"), venue_account(venue_id, "paid_out")
    debit, credit = (paid_out, available) if returned else (available, paid_out)
    return (Posting(debit=debit, credit=credit, amount=amount_minor, unit=currency),)


def buyer_refundable(purchase_id: str) -> str:
    """Name the account that says what we owe a buyer: a refund that was decided and has not reached the bank."""
    return f"buyer:{purchase_id}:refundable"


def owed_postings(
    venue_id: str, purchase_id: str, currency: str, given: AmountBreakdown, fees: FeesBorneBy
) -> tuple[Posting, ...]:
    """Post a refund that was decided: the buyer is owed what venue, fees and tax give back.

    When the venue bears the fees, its account gives them back in the platform's place: it may fall below nothing, and
    is then what the venue owes. Stripe's own fee is not given back to anybody.
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


def paid_back_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that Stripe says has succeeded."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=owed, credit=STRIPE_CLEARING, amount=amount_minor, unit=currency),)


def by_hand_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that an operator has paid from the platform's own bank account, since Stripe could not."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=owed, credit=PLATFORM_BANK, amount=amount_minor, unit=currency),)


def handed_out_postings(venue_id: str, purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that the box office has handed out in cash: for that, the venue has it no more, and is owed it."""
    owed, till, kept = buyer_refundable(purchase_id), cash_till(venue_id), venue_account(venue_id, "paid_out")
    return (
        Posting(debit=owed, credit=venue_payable(venue_id), amount=amount_minor, unit=currency),
        Posting(debit=kept, credit=till, amount=amount_minor, unit=currency),
    )


def came_back_postings(purchase_id: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """Post a refund that failed after it had succeeded: the money is at Stripe again, and the buyer is owed again."""
    owed = buyer_refundable(purchase_id)
    return (Posting(debit=STRIPE_CLEARING, credit=owed, amount=amount_minor, unit=currency),)


def minted_postings() -> tuple[Posting, ...]:
    """Post one ticket that reached the chain."""
    return (Posting(debit=MINT_DEBT, credit=TICKETS_SOLD, amount=1, unit=TICKET_UNIT),)


def balances(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    """Fold postings into (account, unit) → credits minus debits."""
    totals: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        totals[posting.credit, posting.unit] += posting.amount
        totals[posting.debit, posting.unit] -= posting.amount
    return dict(totals)
