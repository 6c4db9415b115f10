"""Parts: whose money an amount of an order is, so that a refund takes it back from where it went."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.money.currency import step_of
from domain.money.money import Price, split_minor

FeesBorneBy = Literal["platform", "venue", "buyer"]


class AmountBreakdown(BaseModel):
    """An amount in minor units of an order's currency, by whom it went to."""

    model_config = ConfigDict(frozen=True)

    venue_minor: int = 0
    platform_minor: int = 0
    processing_minor: int = 0
    tax_minor: int = 0

    @property
    def total_minor(self) -> int:
        """The whole amount."""
        return sum(self.figures)

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """Venue, platform, processing and tax, in this order."""
        return self.venue_minor, self.platform_minor, self.processing_minor, self.tax_minor

    def less(self, other: "AmountBreakdown") -> "AmountBreakdown":
        """Return what is left when another amount is taken away."""
        return breakdown_from([mine - theirs for mine, theirs in zip(self.figures, other.figures, strict=True)])

    def capped(self, most: "AmountBreakdown") -> "AmountBreakdown":
        """Return it with no part above another's."""
        return breakdown_from([min(mine, theirs) for mine, theirs in zip(self.figures, most.figures, strict=True)])

    def without_fees(self) -> "AmountBreakdown":
        """Return it without both fees."""
        return self.model_copy(update={"platform_minor": 0, "processing_minor": 0})


def breakdown_from(figures: Sequence[int]) -> AmountBreakdown:
    """Make parts of venue, platform, processing and tax."""
    venue, platform, processing, tax = figures
    return AmountBreakdown(venue_minor=venue, platform_minor=platform, processing_minor=processing, tax_minor=tax)


def breakdown_of(price: Price) -> AmountBreakdown:
    """Return whose the buyer's money is after a sale; it sums to the total."""
    return breakdown_from([
        price.venue_share_minor, price.platform_fee_minor, price.processing_fee_minor, price.tax_minor
    ])  # fmt: skip


def summed(several: Sequence[AmountBreakdown]) -> AmountBreakdown:
    """Add parts up."""
    return breakdown_from([sum(part.figures[at] for part in several) for at in range(len(AmountBreakdown().figures))])


def ticket_breakdown(price: Price, worth: Sequence[int]) -> list[AmountBreakdown]:
    """Split a price over its tickets by what each is worth; all tickets together are the price to the cent."""
    whole = breakdown_of(price)
    if not whole.total_minor:
        return [AmountBreakdown() for _ in worth]
    step = step_of(price.currency)
    split = [split_minor(figure, tuple(worth), step) for figure in whole.figures]
    return [breakdown_from([part[at] for part in split]) for at in range(len(worth))]


def amount_breakdown(left: AmountBreakdown, amount_minor: int, currency: str) -> AmountBreakdown:
    """Take an amount (at most all) from what is left, from each part in its proportion, and never more than it has."""
    if not amount_minor:
        return AmountBreakdown()
    return breakdown_from(split_minor(amount_minor, left.figures, step_of(currency)))
