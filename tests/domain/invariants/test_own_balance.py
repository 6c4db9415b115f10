"""Balances at Stripe that are still moving are not judged, and those at rest are."""

import asyncio
from datetime import timedelta

import pytest

from domain.invariants.own_balance import ANY_PAYOUT
from tests.fakes.corrupted_history import Day
from tests.fakes.evidence import findings_of
from tests.fakes.money_day import money_day

VENUE, OWN = "venue-balance-is-in-the-books", "own-money-is-in-the-books"


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(*asyncio.run(money_day()))


def faults(day: Day) -> set[str]:
    return {found.invariant for found in findings_of(day.events, day.outside).violations} & {VENUE, OWN}


def test_a_venue_is_judged_when_no_payout_is_followed(day: Day) -> None:
    """A payout under way moves a balance that its workflow books later."""
    accounts = {
        account: read._replace(balance_minor={**read.balance_minor, "eur": 1})
        for account, read in (day.outside.accounts or {}).items()
    }
    wrong = day._replace(outside=day.outside._replace(accounts=accounts))
    assert faults(wrong) == {VENUE}
    assert not faults(wrong._replace(outside=wrong.outside._replace(running=frozenset({ANY_PAYOUT}))))


def test_a_movement_of_our_own_may_be_booked_a_while_later(day: Day) -> None:
    """Within the patience one that is not booked is late, afterwards it is missing."""
    entries = [entry._replace(entry_id="txn_new") for entry in day.outside.entries or ()][:1]
    at = entries[0].at
    new = day.outside._replace(entries=[*(day.outside.entries or ()), *entries], patience=timedelta(minutes=5))
    assert not faults(day._replace(outside=new._replace(now=at)))
    assert faults(day._replace(outside=new._replace(now=at + timedelta(minutes=6)))) == {OWN}
