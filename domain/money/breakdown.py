"""Breakdown of an order's amount by recipient, so that a refund takes each part back from its recipient."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.money.currency import step_of
from domain.money.money import Price, split_minor

FeesBorneBy = Literal["platform", "venue", "buyer"]


class AmountBreakdown(BaseModel):
    """An amount in minor units of an order's currency, by recipient."""

    model_config = ConfigDict(frozen=True)

    venue_minor: int = 0
    platform_minor: int = 0
    processing_minor: int = 0
    tax_minor: int = 0

    @property
    def total_minor(self) -> int:
        """The sum of all parts."""
        return sum(self.figures)

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """Venue, platform, processing and tax, in this order."""
        return self.venue_minor, self.platform_minor, self.processing_minor, self.tax_minor

    def less(self, other: "AmountBreakdown") -> "AmountBreakdown":
        """Return the breakdown less another one."""
        return breakdown_from([own - others for own, others in zip(self.figures, other.figures, strict=True)])

    def capped(self, most: "AmountBreakdown") -> "AmountBreakdown":
        """Return the breakdown with no part above that of another one."""
        return breakdown_from([min(own, others) for own, others in zip(self.figures, most.figures, strict=True)])

    def without_fees(self) -> "AmountBreakdown":
        """Return the breakdown without both fees."""
        return self.model_copy(update={"platform_minor": 0, "processing_minor": 0})


def breakdown_from(figures: Sequence[int]) -> AmountBreakdown:
    """Create a breakdown from venue, platform, processing and tax."""
    venue, platform, processing, tax = figures
    return AmountBreakdown(venue_minor=venue, platform_minor=platform, processing_minor=processing, tax_minor=tax)


def breakdown_of(price: Price) -> AmountBreakdown:
    """Return the breakdown of a sale's price; it sums to the total."""
    return breakdown_from([
        price.venue_share_minor, price.platform_fee_minor, price.processing_fee_minor, price.tax_minor
    ])  # fmt: skip


def summed(several: Sequence[AmountBreakdown]) -> AmountBreakdown:
    """Return the sum of several breakdowns."""
    return breakdown_from([sum(part.figures[at] for part in several) for at in range(len(AmountBreakdown().figures))])


def ticket_breakdown(price: Price, worth: Sequence[int]) -> list[AmountBreakdown]:
    """Split a price over its tickets in proportion to their worth; the parts sum to the price exactly."""
    whole = breakdown_of(price)
    if not whole.total_minor:
        return [AmountBreakdown() for _ in worth]
    step = step_of(price.currency)
    split = [split_minor(figure, tuple(worth), step) for figure in whole.figures]
    return [breakdown_from([part[at] for part in split]) for at in range(len(worth))]


def amount_breakdown(left: AmountBreakdown, amount_minor: int, currency: str) -> AmountBreakdown:
    """Take an amount (at most all) from the remaining breakdown, in proportion to its parts."""
    if not amount_minor:
        return AmountBreakdown()
    return breakdown_from(split_minor(amount_minor, left.figures, step_of(currency)))
