"""Breakdown of an order's amount by recipient, so that a refund takes each part back from its recipient."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.money.currency import step_of
from domain.money.money import Price, matrix_minor, split_minor

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

    def floored(self) -> "AmountBreakdown":
        """Return the breakdown with no part below zero."""
        return breakdown_from([max(figure, 0) for figure in self.figures])

    def without_fees(self) -> "AmountBreakdown":
        """Return the breakdown without both fees."""
        return self.model_copy(update={"platform_minor": 0, "processing_minor": 0})

    def only_fees(self) -> "AmountBreakdown":
        """Return both fees of the breakdown."""
        return self.less(self.without_fees())


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


def ticket_worth(lines: Sequence[tuple[int, int]]) -> list[int]:
    """Return weights of the tickets of lines of (quantity, discounted price of the line): the same within a line."""
    common = math.lcm(*(quantity for quantity, _ in lines))
    return [net_minor * common // quantity for quantity, net_minor in lines for _ in range(quantity)]


def ticket_breakdown(price: Price, worth: Sequence[int]) -> list[AmountBreakdown]:
    """Split a price over its tickets in proportion to their worth, each ticket's total first, then its parts.

    Totals and parts sum to the price exactly; the totals of equal tickets are at most one step apart.
    """
    whole = breakdown_of(price)
    if not whole.total_minor:
        return [AmountBreakdown() for _ in worth]
    step = step_of(price.currency)
    totals = split_minor(whole.total_minor, tuple(worth), step)
    return [breakdown_from(parts) for parts in matrix_minor(totals, whole.figures, step)]


def tickets_taken(left: AmountBreakdown, tickets: AmountBreakdown, currency: str) -> AmountBreakdown:
    """Take the price of tickets from the remaining breakdown: part by part, and where one has less, from the others."""
    taken = tickets.capped(left)
    missing = min(tickets.total_minor, left.total_minor) - taken.total_minor
    return summed([taken, amount_breakdown(left.less(taken), missing, currency)])


def amount_breakdown(left: AmountBreakdown, amount_minor: int, currency: str) -> AmountBreakdown:
    """Take an amount (at most all) from the remaining breakdown, in proportion to its parts."""
    if not amount_minor:
        return AmountBreakdown()
    return breakdown_from(split_minor(amount_minor, left.figures, step_of(currency)))
