"""The money of a whole day: Stripe's figures, beside the balances of the books."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import httpx

from adapters.event_store.event_pages import EventPages
from adapters.postgres.deployment import read_deployment
from adapters.stripe.client import StripeClient
from adapters.stripe.listing import StripeListing
from domain.core.aggregate import DomainEvent
from domain.money.books import (
    DISPUTE_LOSSES,
    PLATFORM_BANK,
    PLATFORM_FEES,
    PROCESSING_FEES,
    REFUND_LOSSES,
    STRIPE_CLEARING,
    VENUES_SENT,
    TransactionPosted,
    venue_payable,
)
from domain.payments.dispute import DISPUTE_RESERVE
from domain.payouts.payee import ShortfallNetted, ShortfallNoted
from settings import Settings

VENUE, TAX = "venue:", "tax:"


class Totals(NamedTuple):
    """Sums of one day in minor units of its currency; `processing` is the fee that we charge, before Stripe's."""

    captured: int
    refunded: int
    lost: int
    venues: int
    platform: int
    processing: int
    tax: int
    net: int
    sent: int
    fees: int
    dispute_fees: int
    clearing: int
    sent_by_books: int
    reserve: int = 0
    by_hand: int = 0
    losses: int = 0

    @classmethod
    async def of(cls, settings: Settings) -> Self:
        """Read all payments from Stripe and all postings from the events."""
        client = StripeClient(
            settings.stripe.api_key.get_secret_value(),
            read_deployment(settings.postgres.url),
            base_url=settings.stripe.api_base,
        )
        try:
            payments = (await StripeListing(client).own_account()).payments
        finally:
            await client.close()
        at_stripe, books = await _at_stripe(settings), posted(settings)
        return cls(
            captured=sum(one.captured_minor for one in payments),
            refunded=sum(one.refunded_minor for one in payments),
            lost=at_stripe["lost"],
            venues=sum(amount for name, amount in books.items() if name.startswith(VENUE)),
            platform=books[PLATFORM_FEES],
            processing=books[PROCESSING_FEES],
            tax=sum(amount for name, amount in books.items() if name.startswith(TAX)),
            net=sum(one.net_minor for one in payments),
            sent=at_stripe["sent"],
            fees=at_stripe["fees"],
            dispute_fees=at_stripe["dispute fees"],
            sent_by_books=-books[VENUES_SENT],
            reserve=books[DISPUTE_RESERVE],
            by_hand=books[PLATFORM_BANK],
            losses=books[DISPUTE_LOSSES] + books[REFUND_LOSSES],
            clearing=-books[STRIPE_CLEARING],
        )

    @property
    def owned(self) -> int:
        """The refunded money, also that paid by hand, and everybody's parts; what was given twice is a loss of ours."""
        back = self.refunded + self.by_hand + self.lost + self.losses
        return back + self.venues + self.platform + self.processing + self.tax

    @property
    def faults(self) -> list[str]:
        """Return the differences between the figures."""
        wrong = []
        if self.captured != self.owned:
            wrong.append(f"captures {self.captured} differ from refunds and everybody's parts {self.owned}: {self}")
        if self.net != self.clearing:
            wrong.append(f"Stripe's net {self.net} differs from the clearing account {self.clearing}: {self}")
        left = self.captured - self.refunded - self.lost - self.sent - self.fees
        if self.net != left:
            wrong.append(
                f"Stripe's net {self.net} differs from captures less refunds, losses, transfers and fees {left}: {self}"
            )
        if self.sent != self.sent_by_books:
            wrong.append(f"transfers to venues {self.sent} differ from the books {self.sent_by_books}: {self}")
        if self.reserve:
            wrong.append(f"{self.reserve} is still reserved although every dispute is decided: {self}")
        return wrong

    def line(self) -> str:
        """Return the sums as equations."""
        return (
            f"captured {self.captured} = refunds {self.refunded} + by hand {self.by_hand} + lost {self.lost}"
            f" + losses {self.losses} + venues {self.venues}"
            f" + platform {self.platform} + processing {self.processing} + tax {self.tax};"
            f" Stripe's net {self.net} = clearing {self.clearing}"
            f" = captured - refunds - lost - sent to venues {self.sent} - Stripe's fees {self.fees}"
            f" ({self.dispute_fees} of disputes)"
        )


async def _at_stripe(settings: Settings) -> Counter[str]:
    """Sum the money lost to banks, the venues' transfers, and Stripe's fees."""
    key, sums = settings.stripe.api_key.get_secret_value(), Counter[str]()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=str(settings.stripe.api_base), headers=headers, trust_env=False) as http:
        for one in await _listed(http, "disputes"):
            sums["lost"] += one["amount"] if one["status"] == "lost" else 0
        for one in await _listed(http, "transfers"):
            sums["sent"] += one["amount"] - one["amount_reversed"]
        for one in await _listed(http, "balance_transactions"):
            sums["fees"] += one["fee"]
            sums["dispute fees"] += one["fee"] if one["type"] == "adjustment" else 0
    return sums


async def _listed(http: httpx.AsyncClient, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        answer = await http.get(f"/v1/{kind}", params={"limit": 100, **after})
        answer.raise_for_status()
        found += answer.json()["data"]
        if not answer.json()["has_more"]:
            return found


def unsent(settings: Settings) -> dict[str, str]:
    """Return each venue's balance beyond its debt to us: shares that were not transferred."""
    books, owed = posted(settings), Counter[str]()
    for event in _events(settings):
        if isinstance(event, ShortfallNoted | ShortfallNetted):
            sign = 1 if isinstance(event, ShortfallNoted) else -1
            owed[event.originator_id.partition(":")[2]] += sign * event.amount_minor
    return over(books, owed)


def over(books: Counter[str], owed: Counter[str]) -> dict[str, str]:
    """Compare the balance with us for each venue with its debt to us: equal at rest."""
    venues = {name.split(":")[1] for name in books if name.startswith(VENUE)}
    pending = {venue: books[venue_payable(venue)] for venue in venues}
    return {
        venue: f"{amount} is pending, and its debt to us is {owed[venue]}"
        for venue, amount in pending.items()
        if amount != -owed[venue]
    }


def posted(settings: Settings) -> Counter[str]:
    """Sum the postings by account; Stripe's fees are left out of `processing:fees`, not of `stripe:clearing`."""
    books: Counter[str] = Counter()
    for event in _events(settings):
        for posting in event.postings if isinstance(event, TransactionPosted) else ():
            books[posting["credit"]] += posting["amount"]
            if (posting["debit"], posting["credit"]) != (PROCESSING_FEES, STRIPE_CLEARING):
                books[posting["debit"]] -= posting["amount"]
    return books


def _events(settings: Settings) -> Iterator[DomainEvent]:
    with EventPages(settings.postgres.url) as pages:
        for page in pages.recorded(0, pages.head()):
            yield from (one.event for one in page)
