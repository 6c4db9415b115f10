"""The money of a whole day: what Stripe says that it took, beside whose it is by the books."""

from collections import Counter
from typing import NamedTuple, Self

from adapters.fact_pages import FactPages
from adapters.stripe_listing import StripeListing
from domain.books import PLATFORM_FEES, PROCESSING_FEES, STRIPE_CLEARING, TransactionPosted
from settings import Settings

VENUE, TAX = "venue:", "tax:"


class Totals(NamedTuple):
    """Sums of one day in minor units of its currency; `processing` is what was charged for it, before Stripe's fee."""

    captured: int
    refunded: int
    venues: int
    platform: int
    processing: int
    tax: int
    net: int
    clearing: int

    @classmethod
    async def of(cls, settings: Settings) -> Self:
        """Read all payments from Stripe and all postings from the facts."""
        listing = StripeListing(settings.stripe.api_key.get_secret_value(), base_url=settings.stripe.api_base)
        try:
            said = await listing.payments()
        finally:
            await listing.close()
        books = posted(settings)
        return cls(
            captured=sum(one.captured_minor for one in said),
            refunded=sum(one.refunded_minor for one in said),
            venues=sum(amount for name, amount in books.items() if name.startswith(VENUE)),
            platform=books[PLATFORM_FEES],
            processing=books[PROCESSING_FEES],
            tax=sum(amount for name, amount in books.items() if name.startswith(TAX)),
            net=sum(one.net_minor for one in said),
            clearing=-books[STRIPE_CLEARING],
        )

    @property
    def owned(self) -> int:
        """What went back and what somebody has."""
        return self.refunded + self.venues + self.platform + self.processing + self.tax

    @property
    def faults(self) -> list[str]:
        """Say which figures differ."""
        wrong = []
        if self.captured != self.owned:
            wrong.append(f"captures are {self.captured}, and refunds and everybody's parts {self.owned}: {self}")
        if self.net != self.clearing:
            wrong.append(f"Stripe's net is {self.net}, the clearing account says {self.clearing}: {self}")
        return wrong

    def line(self) -> str:
        """Return the sums as an equation each."""
        return (
            f"captured {self.captured} = refunds {self.refunded} + venues {self.venues} + platform {self.platform}"
            f" + processing {self.processing} + tax {self.tax}; Stripe's net {self.net} = clearing {self.clearing}"
        )


def posted(settings: Settings) -> Counter[str]:
    """Sum the postings by account; what Stripe took is left out of `processing:fees`, and not of `stripe:clearing`."""
    books: Counter[str] = Counter()
    with FactPages(settings.postgres.url) as pages:
        for page in pages.facts(0, pages.head()):
            for posting in (each for fact in page if isinstance(fact, TransactionPosted) for each in fact.postings):
                books[posting["credit"]] += posting["amount"]
                if (posting["debit"], posting["credit"]) != (PROCESSING_FEES, STRIPE_CLEARING):
                    books[posting["debit"]] -= posting["amount"]
    return books
