"""Pricing: tickets are priced line by line, and uncharged amounts are refused."""

import pytest

from domain.catalog.line import Line
from domain.catalog.pricing import quote_of
from domain.core.errors import DiscountRefused, NotChargeable, UnknownSubject
from domain.money.money import FeeRates, Price, Tax, price_of
from tests.fakes.samples import AT, new_discount, new_show

LINES = (Line(ticket_type_id="floor", quantity=2), Line(ticket_type_id="balcony", quantity=1))
PLAIN = FeeRates(platform_bps=1000, processing_bps=300, processing_fixed_minor=25, platform_fixed_minor=50)
ABSORBED = PLAIN.model_copy(update={"fees": "absorbed"})


def test_a_quote_has_the_price_and_its_lines() -> None:
    """The line discounts sum to the price's discount, and the fees are computed on the discounted subtotal."""
    quote = quote_of(new_show(), PLAIN, LINES, new_discount(percent_bps=1000, ticket_type_ids=["floor"]), AT)
    assert [(line.quantity, line.price_minor, line.discount_minor) for line in quote.lines] == [
        (2, 1000, 200),
        (1, 2500, 0),
    ]
    price = quote.price
    assert (price.subtotal_minor, price.discount_minor) == (4500, 200)
    assert (price.platform_fee_minor, price.processing_fee_minor) == (430 + 50, 129 + 25)
    assert price.total_minor == 4300 + 480 + 154
    assert price.venue_share_minor == 4300


@pytest.mark.parametrize(
    ("rates", "tax", "total", "tax_minor", "share"),
    [
        (PLAIN, Tax(), 2000 + 250 + 85, 0, 2000),
        (PLAIN, Tax(2000), 2000 + 400 + 250 + 85, 400, 2000),
        (PLAIN, Tax(2000, inclusive=True), 2000 + 250 + 85, 333, 1667),
        (ABSORBED, Tax(), 2000, 0, 2000 - 250 - 85),
        (ABSORBED, Tax(2000), 2400, 400, 2000 - 250 - 85),
        (ABSORBED, Tax(2000, inclusive=True), 2000, 333, 1667 - 250 - 85),
    ],
)
def test_who_pays_fees_and_tax(rates: FeeRates, tax: Tax, total: int, tax_minor: int, share: int) -> None:
    """Absorbed fees and an inclusive tax reduce the venue's share; others are added to the buyer's total."""
    price = price_of("eur", ((2, 1000),), rates, tax=tax)
    assert (price.total_minor, price.tax_minor, price.venue_share_minor) == (total, tax_minor, share)


def test_absorbed_fees_never_take_more_than_there_is() -> None:
    """The venue never owes us for a sale: the platform fee is cut first, then the processing fee."""
    price = price_of("eur", ((1, 60),), ABSORBED)
    assert (price.processing_fee_minor, price.platform_fee_minor, price.venue_share_minor) == (27, 33, 0)
    assert price.total_minor == 60
    tiny = price_of("eur", ((1, 20),), ABSORBED)
    assert (tiny.processing_fee_minor, tiny.platform_fee_minor, tiny.venue_share_minor) == (20, 0, 0)


def test_a_whole_discount_makes_an_order_free() -> None:
    """A full discount leaves no fee, no tax and no charge, despite the fixed fees."""
    quote = quote_of(new_show(tax_bps=2000), PLAIN, LINES, new_discount(percent_bps=10_000), AT)
    assert (quote.price.total_minor, quote.price.venue_share_minor, quote.price.tax_minor) == (0, 0, 0)


def test_what_no_card_can_be_charged_is_refused() -> None:
    """A total above zero and below the currency's smallest charge is refused."""
    with pytest.raises(NotChargeable):
        quote_of(new_show(), FeeRates(), LINES, new_discount(amount_minor=4_490), AT)


@pytest.mark.parametrize(("currency", "price_minor", "total"), [("kwd", 1_010, 1_120), ("jpy", 1_010, 1_115)])
def test_every_part_is_a_whole_step_of_the_currency(currency: str, price_minor: int, total: int) -> None:
    """7.5 % and 2.9 % of 1.010 dinars are 0.080 and 0.030; yen have no decimals."""
    show = new_show(currency=currency, ticket_types=[types(price_minor)])
    quote = quote_of(show, FeeRates(), (Line(ticket_type_id="floor", quantity=1),), None, AT)
    assert quote.price.total_minor == total


def test_a_unit_price_that_cannot_be_charged_is_refused() -> None:
    """A unit price is refused even if the sum of the line could be charged."""
    show = new_show(currency="kwd", ticket_types=[types(1_005)])
    with pytest.raises(NotChargeable):
        quote_of(show, FeeRates(), (Line(ticket_type_id="floor", quantity=2),), None, AT)


def test_a_code_for_other_tickets_is_refused() -> None:
    """A code that covers none of the tickets is refused; one that covers some of them is accepted."""
    discount = new_discount(amount_minor=100, ticket_type_ids=["balcony"])
    with pytest.raises(DiscountRefused) as refused:
        quote_of(new_show(), PLAIN, LINES[:1], discount, AT)
    assert refused.value.data == {"reason": "other-tickets"}
    assert quote_of(new_show(), PLAIN, LINES, discount, AT).price.discount_minor == 100


def test_a_code_that_is_used_up_is_refused_in_a_quote_too() -> None:
    """A quote claims nothing, but refuses a used-up code."""
    discount = new_discount(amount_minor=100, limit=1)
    discount.claim("other", AT)
    with pytest.raises(DiscountRefused):
        quote_of(new_show(), PLAIN, LINES, discount, AT)


def test_tickets_of_another_show_have_no_price() -> None:
    """An unknown ticket type is refused."""
    with pytest.raises(UnknownSubject):
        quote_of(new_show(), PLAIN, (Line(ticket_type_id="other", quantity=1),), None, AT)


def types(price_minor: int) -> dict[str, object]:
    return {"ticket_type_id": "floor", "name": "Floor", "price_minor": price_minor, "capacity": 5}


def test_cash_has_no_processing_fee_and_no_least_amount() -> None:
    """A cash price has no processing fee and no smallest charge; the same price by card is refused."""
    quote = quote_of(new_show(), PLAIN, LINES, None, AT, "cash")
    assert (quote.price.processing_fee_minor, quote.price.total_minor) == (0, 4500 + 450 + 50)
    assert (quote.price.charge_minor, quote.price.tender) == (0, "cash")
    cheap = new_show(ticket_types=[{"ticket_type_id": "floor", "name": "Floor", "price_minor": 5, "capacity": 5}])
    rates = FeeRates(platform_bps=0, processing_bps=0)
    assert quote_of(cheap, rates, LINES[:1], None, AT, "cash").price.total_minor == 10
    with pytest.raises(NotChargeable):
        quote_of(cheap, rates, LINES[:1], None, AT)


def test_complimentary_tickets_are_discounted_whole() -> None:
    """The total is zero, despite the fixed fees and the tax."""
    quote = quote_of(new_show(tax_bps=2000), PLAIN, LINES, None, AT, "complimentary")
    assert [line.discount_minor for line in quote.lines] == [2000, 2500]
    assert (quote.price.discount_minor, quote.price.total_minor, quote.price.tax_minor) == (4500, 0, 0)


def test_a_price_says_how_it_is_paid_only_where_it_is_not_by_card() -> None:
    """Prices of older events have no such field and are charged to a card."""
    by_card = quote_of(new_show(), PLAIN, LINES, None, AT).price
    assert "tender" not in by_card.model_dump()
    assert by_card.charge_minor == by_card.total_minor
    in_cash = quote_of(new_show(), PLAIN, LINES, None, AT, "cash").price
    assert Price.model_validate(in_cash.model_dump()) == in_cash
