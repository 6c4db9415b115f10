"""Currencies: their decimals, and the chargeable amounts."""

import pytest

from devstack.stripe.payments import currencies as emulated
from domain.core.errors import NotChargeable
from domain.money import currency as rules
from domain.money.currency import (
    LARGEST_MINOR,
    LARGEST_MINOR_USUAL,
    SMALLEST_MINOR,
    SUPPORTED,
    THREE_DECIMAL,
    ZERO_DECIMAL,
    check_charge,
    check_currency,
    check_digits,
    decimals_of,
    step_of,
)

# ISO 4217: codes whose exponent is not two; every other active code has two decimals.
ISO_ZERO = {
    "bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "pyg", "rwf", "ugx", "uyi", "vnd", "vuv", "xaf", "xof",
    "xpf",
}  # fmt: skip
ISO_THREE = {"bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"}
# Stripe differs, by its own page: it takes isk and ugx in hundredths, and ariary without its fifths.
STRIPE_DIFFERS = {"isk": 2, "ugx": 2, "mga": 0}


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


@pytest.mark.parametrize("currency", sorted(SUPPORTED))
def test_the_decimals_are_those_of_iso_4217_but_for_stripes_exceptions(currency: str) -> None:
    """Each currency has its ISO 4217 exponent, or the one that Stripe's page names."""
    iso = 0 if currency in ISO_ZERO else 3 if currency in ISO_THREE else 2
    assert decimals_of(currency) == STRIPE_DIFFERS.get(currency, iso)


def test_every_rule_is_about_a_currency_that_stripe_has() -> None:
    """No rule names another currency; the emulator has the same currencies and limits."""
    assert ZERO_DECIMAL | THREE_DECIMAL | set(SMALLEST_MINOR) | set(LARGEST_MINOR) <= SUPPORTED
    for name in ("SUPPORTED", "SMALLEST_MINOR", "LARGEST_MINOR", "THREE_DECIMAL", "IN_HUNDREDS"):
        assert getattr(rules, name) == getattr(emulated, name)


@pytest.mark.parametrize(
    ("currency", "most"), [("eur", 99_999_999), ("jpy", 99_999_999), ("kwd", 99_999_990), ("idr", 999_999_999_999)]
)
def test_more_than_the_largest_charge_is_refused(currency: str, most: int) -> None:
    """The largest charge has eight digits, twelve in rupiah; the refusal names it."""
    check_charge(most, currency)
    with pytest.raises(NotChargeable) as refused:
        check_charge(most + step_of(currency), currency)
    assert refused.value.data["most"] == LARGEST_MINOR.get(currency, LARGEST_MINOR_USUAL)


@pytest.mark.parametrize("currency", ["iqd", "xyz", "bgn"])
def test_a_currency_that_stripe_does_not_have_is_refused(currency: str) -> None:
    """Nothing can be charged in it; a free order needs no charge."""
    check_charge(0, currency)
    for refuses in (check_currency, lambda name: check_charge(1_000, name)):
        with pytest.raises(NotChargeable) as refused:
            refuses(currency)
        assert refused.value.data["currency"] == currency
