"""Money: integer minor units of one currency, split without losing or gaining a cent."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.core.errors import NotChargeable
from domain.money.currency import step_of

BPS_WHOLE = 10_000
FeesMode = Literal["on_top", "absorbed"]
Tender = Literal["card", "cash", "complimentary"]


def rounded(numerator: int, denominator: int, step: int = 1) -> int:
    """Round a non-negative fraction half up to a multiple of `step`: the one rounding rule."""
    return (2 * numerator + denominator * step) // (2 * denominator * step) * step


def share_minor(amount_minor: int, bps: int, step: int = 1) -> int:
    """Return `bps` ten-thousandths of a non-negative amount, rounded."""
    if amount_minor < 0 or bps < 0:
        raise ValueError("amount and rate of a share must be non-negative")
    return rounded(amount_minor * bps, BPS_WHOLE, step)


def split_minor(amount_minor: int, weights: tuple[int, ...], step: int = 1) -> tuple[int, ...]:
    """Split an amount by weights so that the parts sum to it exactly (largest remainder, first index on ties)."""
    total = sum(weights)
    if amount_minor < 0 or amount_minor % step or total <= 0 or min(weights) < 0:
        raise ValueError("a split needs a non-negative amount of whole steps and weights with a positive sum")
    steps = amount_minor // step
    parts = [steps * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(steps * weights[i] % total), i))
    for index in by_remainder[: steps - sum(parts)]:
        parts[index] += 1
    return tuple(part * step for part in parts)


def matrix_minor(rows: Sequence[int], columns: Sequence[int], step: int = 1) -> list[list[int]]:
    """Return non-negative cells with these sums of rows and columns, each within one step of its exact part.

    All sums are whole steps, and rows and columns have the same total. Each cell is its part rounded down; then each
    row gives the steps that it lacks to the columns that lack the most, which always comes out even (Ryser).
    """
    total = sum(rows)
    if total != sum(columns) or any(minor < 0 or minor % step for minor in (*rows, *columns)):
        raise ValueError("rows and columns need non-negative sums of whole steps, and the same total")
    parts = [[row * column // (total or 1) // step for column in columns] for row in rows]
    lacks = [column // step - sum(row[at] for row in parts) for at, column in enumerate(columns)]
    for row, parts_of_row in zip(rows, parts, strict=True):
        by_lack = sorted(range(len(columns)), key=lambda at: -lacks[at])
        for at in by_lack[: row // step - sum(parts_of_row)]:
            parts_of_row[at] += 1
            lacks[at] -= 1
    return [[part * step for part in parts_of_row] for parts_of_row in parts]


class FixedFees(BaseModel):
    """The fixed parts of both fees per order, in minor units of one currency."""

    model_config = ConfigDict(frozen=True)

    currency: str
    platform_minor: int = Field(default=0, ge=0)
    processing_minor: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        step = step_of(self.currency)
        if self.platform_minor % step or self.processing_minor % step:
            raise ValueError(f"a fixed fee in {self.currency} must be a multiple of {step}")
        return self


class FeeRates(BaseModel):
    """The fee rates of a venue, in ten-thousandths of subtotal minus discount, and a fixed part of each fee per order.

    Fees are added on top of the ticket prices, or absorbed: then the venue bears them. With `fixed_fees` the venue
    sells only in their currencies. The older two numbers count in minor units of any currency.
    """

    model_config = ConfigDict(frozen=True)

    platform_bps: int = Field(default=750, ge=0, le=BPS_WHOLE)
    processing_bps: int = Field(default=290, ge=0, le=BPS_WHOLE)
    processing_fixed_minor: int = Field(default=0, ge=0)
    platform_fixed_minor: int = Field(default=0, ge=0)
    fees: FeesMode = "on_top"
    fixed_fees: tuple[FixedFees, ...] = Field(default=(), exclude_if=lambda fixed: not fixed)

    @model_validator(mode="after")
    def _check_fixed(self) -> Self:
        currencies = [fixed.currency for fixed in self.fixed_fees]
        if len(set(currencies)) < len(currencies):
            raise ValueError("a currency may have fixed_fees only once")
        if currencies and (self.processing_fixed_minor or self.platform_fixed_minor):
            raise ValueError("give fixed_fees, or fixed parts without a currency, not both")
        return self

    def fixed_in(self, currency: str) -> FixedFees:
        """Return the fixed parts in a currency; raise NotChargeable if the venue has them only in others."""
        if not self.fixed_fees:
            step = step_of(currency)
            platform, processing = (
                rounded(minor, 1, step) for minor in (self.platform_fixed_minor, self.processing_fixed_minor)
            )
            return FixedFees(currency=currency, platform_minor=platform, processing_minor=processing)
        for fixed in self.fixed_fees:
            if fixed.currency == currency:
                return fixed
        known = ", ".join(fixed.currency for fixed in self.fixed_fees)
        raise NotChargeable(f"the venue has no fixed fees in {currency}, only in {known}", currency=currency)

    def without_processing(self) -> "FeeRates":
        """Return the rates without the processing fee."""
        fixed = tuple(fixed.model_copy(update={"processing_minor": 0}) for fixed in self.fixed_fees)
        return self.model_copy(update={"processing_bps": 0, "processing_fixed_minor": 0, "fixed_fees": fixed})


class Tax(NamedTuple):
    """A tax on the discounted ticket prices: included in the price (inclusive), or added to it."""

    bps: int = 0
    inclusive: bool = False

    def of(self, amount_minor: int, step: int) -> int:
        """Return the tax included in an amount, or to be added to it; rounded."""
        return rounded(amount_minor * self.bps, BPS_WHOLE + (self.bps if self.inclusive else 0), step)


NO_TAX = Tax()


class Price(BaseModel):
    """A price broken down, in minor units of `currency`.

    total = subtotal - discount, plus the fees when they are on top, plus the tax when it is not inclusive. The total is
    charged to the buyer's card, or taken in cash at the box office.
    """

    model_config = ConfigDict(frozen=True)

    currency: str
    subtotal_minor: int
    discount_minor: int
    platform_fee_minor: int
    processing_fee_minor: int
    total_minor: int
    fees: FeesMode = "on_top"
    tax_minor: int = 0
    tax_bps: int = 0
    tax_inclusive: bool = False
    tender: Tender = Field(default="card", exclude_if=lambda tender: tender == "card")

    @property
    def charge_minor(self) -> int:
        """The amount charged to the buyer's card; 0 at the box office."""
        return self.total_minor if self.tender == "card" else 0

    @property
    def venue_share_minor(self) -> int:
        """The venue's share: the total less both fees and the tax."""
        return self.total_minor - self.platform_fee_minor - self.processing_fee_minor - self.tax_minor


def price_of(
    currency: str, lines: tuple[tuple[int, int], ...], rates: FeeRates, discount_minor: int = 0, tax: Tax = NO_TAX
) -> Price:
    """Price lines of (quantity, unit price in minor units): fees and tax are computed on subtotal minus discount."""
    subtotal = sum(quantity * unit_minor for quantity, unit_minor in lines)
    if not 0 <= discount_minor <= subtotal:
        raise ValueError("a discount must lie between zero and the subtotal")
    base = subtotal - discount_minor
    tax_minor = tax.of(base, step_of(currency))
    added = 0 if tax.inclusive else tax_minor
    platform, processing = _fees(base, rates, currency)
    if rates.fees == "absorbed":
        # The venue's share never becomes negative; the platform fee is cut first, since Stripe's costs are real.
        net = base + added - tax_minor
        processing = min(processing, net)
        platform = min(platform, net - processing)
    else:
        added += platform + processing
    return Price(
        currency=currency,
        subtotal_minor=subtotal,
        discount_minor=discount_minor,
        platform_fee_minor=platform,
        processing_fee_minor=processing,
        total_minor=base + added,
        fees=rates.fees,
        tax_minor=tax_minor,
        tax_bps=tax.bps,
        tax_inclusive=tax.inclusive,
    )


def _fees(base_minor: int, rates: FeeRates, currency: str) -> tuple[int, int]:
    """Return platform and processing fee; both are zero for a free order."""
    if base_minor == 0:
        return 0, 0
    fixed, step = rates.fixed_in(currency), step_of(currency)
    platform = share_minor(base_minor, rates.platform_bps, step) + fixed.platform_minor
    return platform, share_minor(base_minor, rates.processing_bps, step) + fixed.processing_minor
