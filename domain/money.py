"""Money: integer minor units of one currency, split without losing or making a cent."""

from pydantic import BaseModel, ConfigDict, Field

BPS_WHOLE = 10_000


def share_minor(amount_minor: int, bps: int) -> int:
    """Return `bps` ten-thousandths of a non-negative amount, rounded half up: the one rounding rule."""
    if amount_minor < 0 or bps < 0:
        raise ValueError("a share is taken of non-negative amounts only")
    return (amount_minor * bps * 2 + BPS_WHOLE) // (BPS_WHOLE * 2)


def split_minor(amount_minor: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """Split an amount by weights so that the parts sum to it exactly (largest remainder, first index on ties)."""
    total = sum(weights)
    if amount_minor < 0 or total <= 0 or min(weights) < 0:
        raise ValueError("a split needs a non-negative amount and weights with a positive sum")
    parts = [amount_minor * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount_minor * weights[i] % total), i))
    for index in by_remainder[: amount_minor - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


class FeeRates(BaseModel):
    """The rates of a venue, in ten-thousandths of subtotal minus discount."""

    model_config = ConfigDict(frozen=True)

    platform_bps: int = Field(default=750, ge=0, le=BPS_WHOLE)
    processing_bps: int = Field(default=290, ge=0, le=BPS_WHOLE)
    processing_fixed_minor: int = Field(default=0, ge=0)


class Price(BaseModel):
    """A price broken down, in minor units of `currency`; total = subtotal - discount + both fees."""

    model_config = ConfigDict(frozen=True)

    currency: str
    subtotal_minor: int
    discount_minor: int
    platform_fee_minor: int
    processing_fee_minor: int
    total_minor: int

    @property
    def venue_share_minor(self) -> int:
        """What the venue is owed: the discounted subtotal, since the fees are on top."""
        return self.subtotal_minor - self.discount_minor


def price_of(currency: str, lines: tuple[tuple[int, int], ...], rates: FeeRates, discount_minor: int = 0) -> Price:
    """Price lines of (quantity, unit price in minor units) with fees on top of the discounted subtotal."""
    subtotal = sum(quantity * unit_minor for quantity, unit_minor in lines)
    if not 0 <= discount_minor <= subtotal:
        raise ValueError("a discount lies between nothing and the subtotal")
    base = subtotal - discount_minor
    platform = share_minor(base, rates.platform_bps)
    processing = share_minor(base, rates.processing_bps) + (rates.processing_fixed_minor if base else 0)
    return Price(
        currency=currency,
        subtotal_minor=subtotal,
        discount_minor=discount_minor,
        platform_fee_minor=platform,
        processing_fee_minor=processing,
        total_minor=base + platform + processing,
    )
