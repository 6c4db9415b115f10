"""Money: shares round half up, splits are exact, and a price adds up."""

import pytest

from domain.core.errors import NotChargeable
from domain.money.money import FeeRates, price_of, share_minor, split_minor


@pytest.mark.parametrize(
    ("amount", "bps", "share"),
    [(0, 750, 0), (1000, 750, 75), (1, 4999, 0), (1, 5000, 1), (3, 5000, 2), (1000, 10_000, 1000), (999, 0, 0)],
)
def test_a_share_is_rounded_half_up(amount: int, bps: int, share: int) -> None:
    """Half a cent is rounded up, less is rounded down."""
    assert share_minor(amount, bps) == share


@pytest.mark.parametrize(("amount", "bps"), [(-1, 10), (10, -1)])
def test_a_share_of_less_than_nothing_is_an_error(amount: int, bps: int) -> None:
    """Negative amounts and rates are errors."""
    with pytest.raises(ValueError, match="non-negative"):
        share_minor(amount, bps)


def test_a_split_gives_the_odd_cents_to_the_largest_remainders_first() -> None:
    """The odd cent goes to the largest remainder, and on a tie to the first."""
    assert split_minor(100, (1, 1, 1)) == (34, 33, 33)
    assert split_minor(10, (1, 2, 4)) == (1, 3, 6)
    assert split_minor(0, (5, 5)) == (0, 0)
    assert split_minor(7, (0, 3)) == (0, 7)


@pytest.mark.parametrize(("amount", "weights"), [(-1, (1,)), (1, ()), (1, (0, 0)), (1, (3, -1))])
def test_a_split_that_has_no_answer_is_an_error(amount: int, weights: tuple[int, ...]) -> None:
    """A negative amount, a sum of weights of zero and a negative weight are errors."""
    with pytest.raises(ValueError, match="a split needs"):
        split_minor(amount, weights)


def test_a_split_is_of_whole_steps() -> None:
    """If the last digit must be zero, so must that of each part; other amounts are errors."""
    assert split_minor(100, (1, 1, 1), 10) == (40, 30, 30)
    with pytest.raises(ValueError, match="whole steps"):
        split_minor(105, (1, 1), 10)


def test_fees_are_on_top_of_the_discounted_subtotal() -> None:
    """Both fees are computed on the subtotal less the discount, which is the venue's share."""
    rates = FeeRates(platform_bps=1000, processing_bps=300, processing_fixed_minor=30)
    price = price_of("eur", ((2, 1000), (1, 500)), rates, discount_minor=500)
    assert (price.subtotal_minor, price.discount_minor, price.venue_share_minor) == (2500, 500, 2000)
    assert (price.platform_fee_minor, price.processing_fee_minor) == (200, 90)
    assert price.total_minor == 2290
    assert price.currency == "eur"


def test_what_costs_nothing_has_no_fixed_fee() -> None:
    """A free ticket has no fixed fee."""
    assert price_of("eur", ((3, 0),), FeeRates(processing_fixed_minor=30)).total_minor == 0


@pytest.mark.parametrize("discount", [-1, 1001])
def test_a_discount_lies_between_nothing_and_the_subtotal(discount: int) -> None:
    """A discount below zero or above the subtotal is an error."""
    with pytest.raises(ValueError, match="a discount"):
        price_of("eur", ((1, 1000),), FeeRates(), discount)


@pytest.mark.parametrize("rates", [{"platform_bps": -1}, {"processing_bps": 10_001}, {"processing_fixed_minor": -1}])
def test_rates_lie_between_nothing_and_the_whole(rates: dict[str, int]) -> None:
    """Rates out of bounds are errors."""
    with pytest.raises(ValueError, match="equal to"):
        FeeRates.model_validate(rates)


def test_fixed_fees_count_in_their_currency() -> None:
    """A fee of 30 is 0.30 EUR and 3 JPY where the venue says so; cash has none; other currencies are refused."""
    rates = FeeRates.model_validate({
        "platform_bps": 0, "processing_bps": 0,
        "fixed_fees": [{"currency": "eur", "processing_minor": 30}, {"currency": "jpy", "processing_minor": 3}],
    })  # fmt: skip
    assert [price_of(currency, ((1, 1000),), rates).processing_fee_minor for currency in ("eur", "jpy")] == [30, 3]
    assert price_of("eur", ((1, 1000),), rates.without_processing()).processing_fee_minor == 0
    with pytest.raises(NotChargeable, match="no fixed fees in usd, only in eur, jpy"):
        price_of("usd", ((1, 1000),), rates)
    assert "fixed_fees" not in FeeRates().model_dump()  # as it was stored before
