"""The payer's money: how many tickets can still be sold."""

import pytest

from domain.tickets.funds import Funds


@pytest.mark.parametrize(
    ("lamports", "owed", "is_low", "runway"),
    [
        (1_000, 0, False, 9),
        (1_000, 4, False, 5),
        (100, 0, False, 0),
        (99, 0, True, 0),
        (99, 3, True, -3),
        (0, 0, True, 0),
    ],
)
def test_the_mark_is_kept_and_the_owed_are_paid_first(lamports: int, owed: int, runway: int, *, is_low: bool) -> None:
    """At 100 lamports a ticket and a mark of 100: what is below the mark pays for no ticket."""
    funds = Funds(lamports, low=100, ticket_lamports=100, owed=owed)
    assert (funds.is_low, funds.runway) == (is_low, runway)
