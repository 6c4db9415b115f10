"""Tickets' prices: fixed at the sale, exact where they divide, and split so that every party's sum is exact."""

import pytest

from domain.money.breakdown import AmountBreakdown, breakdown_of, summed, ticket_breakdown, ticket_worth, tickets_taken
from domain.money.money import FeeRates, matrix_minor, price_of

ODD = FeeRates(platform_bps=0, processing_bps=0, platform_fixed_minor=25, processing_fixed_minor=35, fees="absorbed")


def test_a_price_that_divides_is_exact() -> None:
    """Three tickets of 10.00 are 10.00 each although no fee divides by three."""
    price = price_of("eur", ((3, 1000),), ODD)
    parts = ticket_breakdown(price, ticket_worth([(3, 3000)]))
    assert [part.total_minor for part in parts] == [1000, 1000, 1000]
    assert summed(parts) == breakdown_of(price)


@pytest.mark.parametrize(("currency", "step"), [("eur", 1), ("kwd", 10), ("isk", 100)])
def test_equal_tickets_are_a_step_apart_at_most(currency: str, step: int) -> None:
    """A discount that does not divide is not a second difference between tickets of one line."""
    price = price_of(currency, ((7, 1000),), FeeRates(), 500)
    totals = [part.total_minor for part in ticket_breakdown(price, ticket_worth([(7, 6500)]))]
    assert max(totals) - min(totals) <= step
    assert [total % step for total in totals] == [0] * 7


def test_a_table_needs_equal_totals_of_whole_steps() -> None:
    """Sums that do not agree, negative ones and parts of a step are refused."""
    assert matrix_minor([3, 0], [1, 2]) == [[1, 2], [0, 0]]
    assert matrix_minor([], []) == []
    for rows, columns, step in (([1], [2], 1), ([-1, 2], [1], 1), ([15], [15], 10)):
        with pytest.raises(ValueError, match="rows and columns"):
            matrix_minor(rows, columns, step)


def test_a_ticket_takes_from_another_part_what_its_own_lacks() -> None:
    """A ticket has its whole price while that much is left, whichever part an earlier refund has emptied."""
    left = AmountBreakdown(venue_minor=906, platform_minor=70, processing_minor=24)
    wanted = AmountBreakdown(venue_minor=907, platform_minor=68, processing_minor=25)
    taken = tickets_taken(left, wanted, "eur")
    assert taken == AmountBreakdown(venue_minor=906, platform_minor=70, processing_minor=24)
    assert tickets_taken(AmountBreakdown(tax_minor=5), wanted, "eur") == AmountBreakdown(tax_minor=5)
    assert tickets_taken(AmountBreakdown(), wanted, "eur") == AmountBreakdown()
