"""Allowance: a buyer's tickets count once, against limits of tickets and of open purchases."""

import pytest

from domain.core.errors import BuyerLimitReached
from domain.stock.buyer_limit import Allowance, AllowanceOpened
from tests.fakes.samples import AT, names_of


@pytest.fixture
def allowance() -> Allowance:
    return Allowance.begin(AllowanceOpened, "al", AT, tenant_id="t")


def claim(allowance: Allowance, key: str, show_id: str = "show", tickets_max: int = 4, open_max: int = 2) -> None:
    allowance.claim(key, show_id, 2, tickets_max, open_max, AT)


def test_the_same_key_claims_once(allowance: Allowance) -> None:
    """A repeated request claims nothing more, and is not refused because of its own claim."""
    claim(allowance, "a")
    claim(allowance, "a", tickets_max=1, open_max=1)
    assert names_of(allowance) == ["TicketsClaimed"]


def test_tickets_count_for_their_show_also_when_sold(allowance: Allowance) -> None:
    """The limit per show includes sold tickets; another show has its own count."""
    for key in "ab":
        claim(allowance, key)
        allowance.sell(key, AT)
        allowance.sell(key, AT)
    with pytest.raises(BuyerLimitReached):
        claim(allowance, "c")
    claim(allowance, "c", show_id="another")
    assert names_of(allowance).count("ClaimSold") == 2


def test_open_purchases_are_limited_and_free_their_place(allowance: Allowance) -> None:
    """Paid and ended purchases are no longer open."""
    claim(allowance, "a", "one")
    claim(allowance, "b", "two")
    with pytest.raises(BuyerLimitReached):
        claim(allowance, "c", "three")
    allowance.keep("b", 0, AT)
    claim(allowance, "c", "three")
    assert set(allowance.claims) == {"a", "c"}


def test_what_was_never_claimed_is_neither_sold_nor_given_back(allowance: Allowance) -> None:
    """Undoing nothing is success."""
    allowance.sell("a", AT)
    allowance.keep("a", 0, AT)
    assert names_of(allowance) == []


def test_no_limit_is_no_limit(allowance: Allowance) -> None:
    """Zero means no limit."""
    for key in "abcdef":
        claim(allowance, key, tickets_max=0, open_max=0)
    assert len(allowance.claims) == 6
