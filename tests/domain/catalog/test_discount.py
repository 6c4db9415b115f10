"""Discounts: their amounts, their validity, and the claim and return of limited ones."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalog.discount import DiscountTerms, discount_id_of
from domain.core.errors import DiscountRefused
from tests.fakes.samples import AT, LATER, names_of, new_discount

AMOUNTS = (("floor", 2000), ("balcony", 1001))


@pytest.mark.parametrize(
    ("terms", "taken"),
    [
        ({"percent_bps": 1000}, (200, 100)),
        ({"percent_bps": 10_000}, (2000, 1001)),
        ({"amount_minor": 500}, (333, 167)),
        ({"amount_minor": 9_999}, (2000, 1001)),
        ({"percent_bps": 1000, "ticket_type_ids": ["balcony"]}, (0, 100)),
        ({"amount_minor": 1_500, "ticket_type_ids": ["balcony"]}, (0, 1001)),
    ],
)
def test_it_takes_off_the_lines_that_it_covers(terms: dict[str, Any], taken: tuple[int, int]) -> None:
    """A percentage is rounded once over all lines; an amount never exceeds the covered lines; the parts sum exactly."""
    assert DiscountTerms.model_validate(terms).off(AMOUNTS, 1) == taken


def test_it_takes_whole_steps_of_the_currency() -> None:
    """With three decimals the parts end in a zero, too."""
    assert DiscountTerms(percent_bps=3333).off((("floor", 1000), ("balcony", 500)), 10) == (330, 170)


def test_what_costs_nothing_cannot_become_cheaper() -> None:
    """Free tickets get no discount."""
    assert DiscountTerms(amount_minor=500).off((("floor", 0),), 1) == (0,)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"percent_bps": 1000, "amount_minor": 500},
        {"percent_bps": 10_001},
        {"amount_minor": 0},
        {"amount_minor": 5, "limit": 0},
        {"amount_minor": 5, "valid_from": LATER, "valid_until": LATER},
    ],
)
def test_terms_that_say_nothing_or_two_things_are_none(terms: dict[str, Any]) -> None:
    """Terms need either a percentage or an amount, above zero, and an end after the beginning."""
    with pytest.raises(ValidationError):
        DiscountTerms.model_validate(terms)


@pytest.mark.parametrize(
    ("at", "reason"),
    [(AT - timedelta(microseconds=1), "not-yet-valid"), (AT, None), (LATER, "no-longer-valid")],
)
def test_it_is_valid_from_its_beginning_and_not_at_its_end(at: Any, reason: str | None) -> None:
    """The first moment is included, the last one is not."""
    discount = new_discount(percent_bps=1000, valid_from=AT, valid_until=LATER)
    if reason is None:
        discount.check(at)
        return
    with pytest.raises(DiscountRefused) as refused:
        discount.check(at)
    assert refused.value.data == {"reason": reason}


def test_a_limited_one_is_used_once_per_key_and_given_back_once() -> None:
    """The same key again changes nothing; another order can use it only after its return."""
    discount = new_discount(amount_minor=500, limit=1)
    discount.claim("one", AT)
    discount.claim("one", AT)
    with pytest.raises(DiscountRefused) as refused:
        discount.claim("two", AT)
    assert refused.value.data == {"reason": "used-up"}
    discount.give_back("two", "hold-expired", AT)
    discount.give_back("one", "hold-expired", AT)
    discount.give_back("one", "hold-expired", AT)
    discount.claim("two", AT)
    assert names_of(discount) == ["DiscountClaimed", "DiscountReturned", "DiscountClaimed"]
    assert discount.claims == {"two"}


def test_an_unlimited_one_leaves_no_trace() -> None:
    """Nothing is recorded for an unlimited discount, so that no order waits for it."""
    discount = new_discount(amount_minor=500)
    discount.claim("one", AT)
    assert names_of(discount) == []


def test_a_code_is_the_same_however_it_is_typed() -> None:
    """Case and surrounding spaces do not matter; another show's code is another discount."""
    assert (
        discount_id_of("sh", " Early-Bird ")
        == discount_id_of("sh", "EARLY-BIRD")
        != discount_id_of("sh2", "EARLY-BIRD")
    )


def test_the_same_again_is_no_change() -> None:
    """Neither terms nor a stop are recorded twice."""
    discount = new_discount(amount_minor=500, limit=2)
    changed = DiscountTerms(amount_minor=700, limit=2)
    for _ in range(2):
        discount.change_terms(changed, AT)
        discount.stop(AT, stopped=True)
    assert names_of(discount) == ["DiscountTermsChanged", "DiscountStopped"]
    with pytest.raises(DiscountRefused) as refused:
        discount.check(AT)
    assert refused.value.data == {"reason": "stopped"}
    assert discount.terms == changed
