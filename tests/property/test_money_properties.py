"""No cent is lost or created by splitting, pricing, selling and minting."""

import random
from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given, reject
from hypothesis import strategies as st

from domain.catalog.discount import Discount
from domain.catalog.line import Line
from domain.catalog.pricing import Quote, quote_of
from domain.catalog.show import Show
from domain.core.errors import NotChargeable
from domain.money.books import (
    MINT_DEBT,
    PLATFORM_FEES,
    PROCESSING_FEES,
    STRIPE_CLEARING,
    TICKET_UNIT,
    TICKETS_SOLD,
    Posting,
    balances,
    minted_postings,
    sale_postings,
    tax_payable,
    venue_payable,
)
from domain.money.breakdown import breakdown_of, summed, ticket_breakdown, ticket_worth, tickets_taken
from domain.money.currency import step_of
from domain.money.money import BPS_WHOLE, FeeRates, Tax, rounded, share_minor, split_minor
from tests.fakes.samples import AT, new_discount, new_show

AMOUNT = st.integers(0, 10**9)
BPS = st.integers(0, BPS_WHOLE)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any).map(tuple)
RATES = st.builds(
    FeeRates,
    platform_bps=BPS,
    processing_bps=BPS,
    processing_fixed_minor=st.integers(0, 500),
    platform_fixed_minor=st.integers(0, 500),
    fees=st.sampled_from(["on_top", "absorbed"]),
)
STEP = st.sampled_from([1, 10, 100])
SOME = st.none() | st.just(("t0",)) | st.just(("t0", "t1"))


class Ordered(NamedTuple):
    """A drawn order."""

    show: Show
    rates: FeeRates
    lines: tuple[Line, ...]
    discount: Discount

    def quote(self) -> Quote:
        """Price a drawn order; reject an example that no card can be charged for."""
        try:
            return quote_of(self.show, self.rates, self.lines, self.discount, AT)
        except NotChargeable:
            reject()


@st.composite
def orders(draw: st.DrawFn) -> Ordered:
    """Draw an order in any currency: free and dear tickets, a discount, a tax, fees on top or absorbed."""
    currency = draw(st.sampled_from(["eur", "usd", "jpy", "krw", "kwd", "bhd", "isk", "huf"]))
    step = step_of(currency)
    drawn = draw(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**6)), min_size=1, max_size=6))
    types = [
        {"ticket_type_id": f"t{number}", "name": "T", "price_minor": steps * step, "capacity": 50}
        for number, (_, steps) in enumerate(drawn)
    ]
    terms: dict[str, Any] = {"ticket_type_ids": draw(SOME) or ()}
    if draw(st.booleans()):
        terms["percent_bps"] = draw(st.integers(1, BPS_WHOLE))
    else:
        terms["amount_minor"] = draw(st.integers(1, 10**6)) * step
    show = new_show(currency=currency, ticket_types=types, tax_bps=draw(BPS), tax_inclusive=draw(st.booleans()))
    lines = tuple(Line(ticket_type_id=f"t{number}", quantity=count) for number, (count, _) in enumerate(drawn))
    return Ordered(show, draw(RATES), lines, new_discount(**terms))


ORDERS = orders()
SALE = st.tuples(st.sampled_from(["one", "two"]), ORDERS, st.integers(0, 10**5))


@given(AMOUNT, WEIGHTS, STEP)
def test_a_split_sums_to_its_amount(steps: int, weights: tuple[int, ...], step: int) -> None:
    """The parts sum to the amount, each is within one step of its exact part, and a zero weight gets nothing."""
    amount = steps * step
    parts = split_minor(amount, weights, step)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights) * step
        assert part % step == 0
        assert part == 0 or weight > 0


@given(AMOUNT, BPS, STEP)
def test_a_share_is_never_more_than_half_a_cent_off(amount: int, bps: int, step: int) -> None:
    """Rounding changes a share by half a step at most; a share never exceeds the amount."""
    share = share_minor(amount, bps, step)
    assert abs(share * BPS_WHOLE - amount * bps) * 2 <= BPS_WHOLE * step
    assert share % step == 0
    assert share >= 0
    assert step > 1 or share <= amount


@given(st.integers(0, 10**9), st.integers(1, 10**6), STEP)
def test_rounding_is_half_up(numerator: int, denominator: int, step: int) -> None:
    """The only rounding rule: the nearest step, and the upper one of two that are equally near."""
    nearest = rounded(numerator, denominator, step)
    over = 2 * (nearest * denominator - numerator)
    assert -step * denominator < over <= step * denominator
    assert nearest % step == 0


@given(AMOUNT, BPS, STEP)
def test_an_inclusive_tax_is_the_exclusive_tax_of_what_is_left(steps: int, bps: int, step: int) -> None:
    """Taking the tax out and adding it again differs by the two roundings at most."""
    amount = steps * step
    inside = Tax(bps, inclusive=True).of(amount, step)
    assert 0 <= inside <= amount
    assert abs(Tax(bps).of(amount - inside, step) - inside) <= step


@given(ORDERS)
def test_a_price_is_the_sum_of_its_parts(order: Ordered) -> None:
    """The buyer pays the venue's share, both fees and the tax, to the cent; no part is negative."""
    quote = order.quote()
    price = quote.price
    subtotal = sum(line.quantity * line.price_minor for line in quote.lines)
    fees = price.platform_fee_minor + price.processing_fee_minor
    assert price.total_minor == price.venue_share_minor + fees + price.tax_minor
    assert price.subtotal_minor == subtotal
    assert price.discount_minor == sum(line.discount_minor for line in quote.lines)
    added = (0 if price.tax_inclusive else price.tax_minor) + (fees if price.fees == "on_top" else 0)
    assert price.total_minor == subtotal - price.discount_minor + added
    assert min(price.venue_share_minor, price.platform_fee_minor, price.processing_fee_minor, price.tax_minor) >= 0
    parts = [value for name, value in price.model_dump().items() if name.endswith("_minor")]
    assert [part % step_of(price.currency) for part in parts] == [0] * len(parts)


@given(ORDERS, st.randoms(use_true_random=False))
def test_each_ticket_has_its_price(order: Ordered, chance: random.Random) -> None:
    """Tickets and parties each sum to the price, and refunds in any order and grouping take the tickets' prices."""
    quote = order.quote()
    price, step = quote.price, step_of(order.show.currency)
    lines = [(line.quantity, line.quantity * line.price_minor - line.discount_minor) for line in quote.lines]
    prices = ticket_breakdown(price, ticket_worth(lines))
    assert summed(prices) == breakdown_of(price)
    assert min(figure for part in prices for figure in part.figures) >= 0
    assert {figure % step for part in prices for figure in part.figures} <= {0}
    first = 0
    for quantity, net in lines:
        totals = [part.total_minor for part in prices[first : first + quantity]]
        first += quantity
        assert max(totals) - min(totals) <= step
        if price.subtotal_minor > price.discount_minor:
            exact = price.total_minor * net
            shared = quantity * (price.subtotal_minor - price.discount_minor)
            assert exact % (shared * step) or set(totals) == {exact // shared}
    left = breakdown_of(price)
    chance.shuffle(prices)
    while prices:
        group = [prices.pop() for _ in range(chance.randint(1, len(prices)))]
        taken = tickets_taken(left, summed(group), price.currency)
        assert taken == summed(group)
        left = left.less(taken)
    assert left.total_minor == 0


@given(ORDERS)
def test_a_discount_takes_off_covered_lines_only_and_as_much_as_it_says(order: Ordered) -> None:
    """The discount of a line is within a step of its exact part, never exceeds the line, and is zero if not covered."""
    terms, quote, step = order.discount.terms, order.quote(), step_of(order.show.currency)
    covered = [line for line in quote.lines if terms.covers(line.ticket_type_id)]
    whole = sum(line.quantity * line.price_minor for line in covered)
    for line in quote.lines:
        assert 0 <= line.discount_minor <= line.quantity * line.price_minor
        assert line in covered or line.discount_minor == 0
    taken = quote.price.discount_minor
    if terms.amount_minor is not None:
        assert taken == min(terms.amount_minor, whole)
    else:
        assert abs(taken * BPS_WHOLE - whole * (terms.percent_bps or 0)) * 2 <= BPS_WHOLE * step or taken == whole


@given(st.lists(SALE, max_size=6), st.integers(0, 20))
def test_the_books_balance_to_nothing_per_unit(sales: list[tuple[str, Ordered, int]], minted: int) -> None:
    """Each currency and the tickets sum to zero, and every account has its priced balance, to the cent."""
    postings: list[Posting] = []
    debt = 0
    expected: Counter[tuple[str, str]] = Counter()
    for venue, order, real_fee in sales:
        price, tickets = order.quote().price, sum(line.quantity for line in order.lines)
        fee, unit = min(real_fee, price.total_minor), price.currency
        postings += sale_postings(venue, price, fee, tickets)
        expected[venue_payable(venue), unit] += price.venue_share_minor
        expected[tax_payable(venue), unit] += price.tax_minor
        expected[PLATFORM_FEES, unit] += price.platform_fee_minor
        expected[PROCESSING_FEES, unit] += price.processing_fee_minor - fee
        expected[STRIPE_CLEARING, unit] -= price.total_minor - fee
        debt += tickets
    for _ in range(min(minted, debt)):
        postings += minted_postings()
        debt -= 1
    totals = balances(postings)
    for unit in {unit for _, unit in totals}:
        assert sum(amount for (_, held_in), amount in totals.items() if held_in == unit) == 0
    expected[MINT_DEBT, TICKET_UNIT], expected[TICKETS_SOLD, TICKET_UNIT] = debt, -debt
    assert {name: amount for name, amount in totals.items() if amount} == {
        name: amount for name, amount in expected.items() if amount
    }
