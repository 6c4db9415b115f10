"""Shows, prices and discounts of which nothing could ever be charged are refused, with a sentence."""

import pytest

from domain.catalog.discount import DiscountTerms
from domain.catalog.pricing import check_chargeable
from domain.catalog.show import Show
from domain.core.errors import NotChargeable
from domain.money.money import FeeRates
from tests.fakes.samples import new_show

NO_FEES = FeeRates(platform_bps=0, processing_bps=0)


def show_of(price_minor: int, capacity: int = 100, currency: str = "eur") -> Show:
    seat = {"ticket_type_id": "floor", "name": "Floor", "price_minor": price_minor, "capacity": capacity}
    return new_show(currency=currency, ticket_types=[seat])


@pytest.mark.parametrize(
    ("price", "capacity", "currency", "rates"),
    [
        (100_000_000, 100, "eur", NO_FEES),
        (95_000_000, 100, "eur", FeeRates()),  # the fees on top are charged too
        (40, 1, "eur", NO_FEES),
        (1_000_000_000_000, 100, "idr", NO_FEES),
    ],
)
def test_a_ticket_that_can_never_be_charged_is_refused(
    price: int, capacity: int, currency: str, rates: FeeRates
) -> None:
    """One ticket is above the largest charge, or all that one order may have are below the smallest."""
    with pytest.raises(NotChargeable, match="'Floor' could never be sold") as refused:
        check_chargeable(show_of(price, capacity, currency), rates)
    assert {"most", "least"} & set(refused.value.data)


@pytest.mark.parametrize(
    ("price", "capacity", "currency"),
    [(99_999_999, 1, "eur"), (0, 1, "eur"), (50, 1, "eur"), (1, 50, "eur"), (999_999_999_999, 1, "idr")],
)
def test_a_ticket_of_which_some_number_can_be_charged_is_fine(price: int, capacity: int, currency: str) -> None:
    """One at the largest charge, fifty that reach the smallest together, and one that costs nothing."""
    check_chargeable(show_of(price, capacity, currency), NO_FEES)


def test_a_discount_that_leaves_too_little_of_every_sale_is_refused() -> None:
    """Fifty tickets at a cent are chargeable, one at 40 cents is not; a whole discount is free, and fine."""
    show = show_of(1_000, capacity=1)
    with pytest.raises(NotChargeable, match="with this discount"):
        check_chargeable(show, NO_FEES, DiscountTerms(percent_bps=9_600))
    check_chargeable(show, NO_FEES, DiscountTerms(percent_bps=9_500))
    check_chargeable(show, NO_FEES, DiscountTerms(percent_bps=10_000))
    check_chargeable(show_of(1_000), NO_FEES, DiscountTerms(percent_bps=9_990))
    check_chargeable(show_of(3_000_000), NO_FEES, DiscountTerms(amount_minor=2_999_980))  # of 2 to 34 tickets
