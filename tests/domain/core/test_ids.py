"""Ids are derived from the caller's values, and no two lists of parts share one."""

import re

from domain.core.ids import derived, hold_key_of, purchase_id_of, ticket_id_of


def test_a_name_is_the_same_at_every_call_and_opaque() -> None:
    """A repeat gives the same id: a prefix and 26 letters and digits."""
    assert purchase_id_of("default", "key") == purchase_id_of("default", "key")
    assert re.fullmatch(r"pu_[a-z2-7]{26}", purchase_id_of("default", "key"))


def test_a_name_never_changes() -> None:
    """The rule of derivation is permanent, since stored streams are found by it."""
    assert derived("pu", "default", "key") == "pu_dxoohevaqguigu2wuymqv2havu"


def test_parts_never_run_into_each_other() -> None:
    """Moved borders, other counts and the separator itself give other ids."""
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), ("1:a", "bc"), ("", "abc"), ()]
    assert len({derived("x", *parts) for parts in lists}) == len(lists)


def test_keys_of_two_tenants_are_two_purchases() -> None:
    """An Idempotency-Key belongs to its tenant."""
    assert purchase_id_of("one", "key") != purchase_id_of("two", "key")


def test_every_ticket_of_every_attempt_has_a_name_of_its_own() -> None:
    """Tickets and holds of a new attempt never have the ids of the former one."""
    names = {ticket_id_of("pu", attempt, number) for attempt in range(1, 13) for number in range(1, 13)}
    assert len(names) == 144
    assert hold_key_of("pu", 1) == "pu:hold:1"
    assert hold_key_of("pu", 1) != hold_key_of("pu", 2)
