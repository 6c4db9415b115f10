"""No cent is lost or made, whatever is split, priced, sold and minted."""

from hypothesis import given
from hypothesis import strategies as st

from domain.books import (
    MINT_DEBT,
    STRIPE_CLEARING,
    TICKET_UNIT,
    balances,
    minted_postings,
    sale_postings,
    venue_payable,
)
from domain.money import BPS_WHOLE, FeeRates, price_of, share_minor, split_minor

AMOUNT = st.integers(0, 10**9)
BPS = st.integers(0, BPS_WHOLE)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any).map(tuple)
RATES = st.builds(
    FeeRates, platform_bps=BPS, processing_bps=BPS, processing_fixed_minor=st.integers(min_value=0, max_value=500)
)
LINES = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**6)), min_size=1, max_size=6).map(tuple)
SALE = st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(["eur", "usd"]), LINES, RATES, st.integers(0, 10**5))


@given(AMOUNT, WEIGHTS)
def test_a_split_sums_to_its_amount(amount: int, weights: tuple[int, ...]) -> None:
    """The parts are the whole, each within one cent of its exact part, and nothing goes to a weight of nothing."""
    parts = split_minor(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
        assert part == 0 or weight > 0


@given(AMOUNT, BPS)
def test_a_share_is_never_more_than_half_a_cent_off(amount: int, bps: int) -> None:
    """Rounding takes or gives half a cent at most, and never more than there is."""
    share = share_minor(amount, bps)
    assert abs(share * BPS_WHOLE - amount * bps) * 2 <= BPS_WHOLE
    assert 0 <= share <= amount


@given(LINES, RATES, st.integers(0, 100))
def test_a_price_is_the_sum_of_its_parts(lines: tuple[tuple[int, int], ...], rates: FeeRates, percent: int) -> None:
    """What the buyer pays is what the venue is owed and both fees, to the cent."""
    subtotal = sum(quantity * unit_minor for quantity, unit_minor in lines)
    price = price_of("eur", lines, rates, subtotal * percent // 100)
    assert price.total_minor == price.venue_share_minor + price.platform_fee_minor + price.processing_fee_minor
    assert price.subtotal_minor == subtotal
    assert min(price.venue_share_minor, price.platform_fee_minor, price.processing_fee_minor) >= 0


@given(st.lists(SALE, max_size=6), st.integers(0, 20))
def test_the_books_balance_to_nothing_per_unit(
    sales: list[tuple[str, str, tuple[tuple[int, int], ...], FeeRates, int]], minted: int
) -> None:
    """Each currency and the tickets sum to nothing, each venue is owed its share, clearing holds what came in."""
    postings, shares, came, debt = [], 0, 0, 0
    for venue, currency, lines, rates, fee in sales:
        price, tickets = price_of(currency, lines, rates), sum(quantity for quantity, _ in lines)
        postings += sale_postings(venue, price, fee, tickets)
        shares, came, debt = shares + price.venue_share_minor, came + price.total_minor - fee, debt + tickets
    for _ in range(min(minted, debt)):
        postings += minted_postings()
        debt -= 1
    totals = balances(postings)
    for unit in {unit for _, unit in totals}:
        assert sum(amount for (_, held_in), amount in totals.items() if held_in == unit) == 0
    owed = {venue_payable(venue) for venue in ("one", "two")}
    assert sum(amount for (account, _), amount in totals.items() if account in owed) == shares
    assert sum(amount for (account, _), amount in totals.items() if account == STRIPE_CLEARING) == -came
    fees = [amount for (account, _), amount in totals.items() if account not in {*owed, STRIPE_CLEARING}]
    assert sum(fees) == came - shares
    assert totals.get((MINT_DEBT, TICKET_UNIT), 0) == debt
