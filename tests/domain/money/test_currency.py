"""Currencies: their decimals, and the chargeable amounts."""

import pytest

from domain.core.errors import NotChargeable
from domain.money.currency import SMALLEST_MINOR, check_charge, check_digits, decimals_of, step_of


@pytest.mark.parametrize(
    ("currency", "decimals", "step"),
    [("eur", 2, 1), ("jpy", 0, 1), ("kwd", 3, 10), ("isk", 2, 100), ("ugx", 2, 100), ("huf", 2, 1)],
)
def test_a_currency_has_its_decimals_and_its_step(currency: str, decimals: int, step: int) -> None:
    """Three-decimal amounts end in a zero; two zero-decimal currencies are charged in hundredths."""
    assert (decimals_of(currency), step_of(currency)) == (decimals, step)


@pytest.mark.parametrize(("amount", "currency"), [(1005, "kwd"), (7050, "isk"), (1, "bhd")])
def test_an_amount_whose_digits_cannot_be_charged_is_refused(amount: int, currency: str) -> None:
    """The refusal names the required step."""
    with pytest.raises(NotChargeable) as refused:
        check_digits(amount, currency)
    assert refused.value.data == {"amount_minor": amount, "step": step_of(currency)}


@pytest.mark.parametrize("currency", sorted(SMALLEST_MINOR))
def test_less_than_the_smallest_charge_is_refused_and_nothing_is_fine(currency: str) -> None:
    """The smallest charge is accepted, one step less is not, and a free order is accepted."""
    least, step = SMALLEST_MINOR[currency], step_of(currency)
    check_charge(least, currency)
    check_charge(0, currency)
    with pytest.raises(NotChargeable) as refused:
        check_charge(least - step, currency)
    assert refused.value.data["least"] == least


def test_a_currency_without_a_known_limit_is_left_to_stripe() -> None:
    """One minor unit is accepted."""
    check_charge(1, "clp")
