"""Ids are keyed with the deployment's secret, and no two lists of parts share one."""

import re

from domain.core.ids import (
    Identity,
    derived,
    hold_key_of,
    public_name_of,
    refund_id_of,
    ticket_id_of,
)

SECRET = bytes(range(32))
IDENTITY = Identity("dp_one", SECRET)


def test_an_id_is_the_same_at_every_call_and_opaque() -> None:
    """A repeat gives the same id: a prefix and 26 letters and digits."""
    assert IDENTITY.of_key("pu", "default", "key") == IDENTITY.of_key("pu", "default", "key")
    assert re.fullmatch(r"pu_[a-z2-7]{26}", IDENTITY.of_key("pu", "default", "key"))


def test_an_id_never_changes() -> None:
    """Both rules of derivation are permanent, since stored streams are found by them."""
    assert derived("pu", "default", "key") == "pu_dxoohevaqguigu2wuymqv2havu"
    assert IDENTITY.of_key("pu", "default", "key") == "pu_e4r7jpqrxcpdckwiweln6sw5gu"


def test_parts_never_run_into_each_other() -> None:
    """Moved borders, other counts and the separator itself give other ids."""
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), ("1:a", "bc"), ("", "abc"), ()]
    assert len({derived("x", *parts) for parts in lists}) == len(lists)
    assert len({IDENTITY.derive("x", *parts) for parts in lists}) == len(lists)


def test_other_scopes_kinds_secrets_and_deployments_have_other_ids() -> None:
    """An Idempotency-Key belongs to its scope; two databases share no id, even with the same secret."""
    ids = [
        IDENTITY.of_key("pu", "one", "key"),
        IDENTITY.of_key("pu", "two", "key"),
        IDENTITY.of_key("re", "one", "key"),
        IDENTITY.of_key("pu", "one", "key", "pu"),
        Identity("dp_two", SECRET).of_key("pu", "one", "key"),
        Identity("dp_one", SECRET[::-1]).of_key("pu", "one", "key"),
    ]
    assert len({one.partition("_")[2] for one in ids}) == len(ids)


def test_an_id_needs_the_secret() -> None:
    """The plain hash of everything else gives another one; the secret is not shown with the identity."""
    known = ("dp_one", "pu", "default", "key")
    assert IDENTITY.of_key("pu", "default", "key") not in {derived("pu", *known), derived("pu", *known[2:])}
    assert "secret" not in repr(IDENTITY)


def test_every_ticket_of_every_attempt_has_an_id_and_a_name_of_its_own() -> None:
    """Tickets and holds of a new attempt never have the ids of the former one."""
    places = [(attempt, number) for attempt in range(1, 13) for number in range(1, 13)]
    ids = {ticket_id_of("no", *place).partition("_")[2] for place in places}
    names = {public_name_of("no", *place).partition("_")[2] for place in places}
    assert len(ids | names) == 2 * 144
    assert hold_key_of("pu", 1) == "pu:hold:1"
    assert hold_key_of("pu", 1) != hold_key_of("pu", 2)


def test_an_order_of_the_first_release_keeps_its_ids() -> None:
    """Without a nonce a ticket has no public name, and a refund the id that its purchase gives it."""
    assert public_name_of("", 1, 1) == ""
    assert refund_id_of("", "default", "pu", "show-cancelled") == derived("rf", "default", "pu", "show-cancelled")
    assert refund_id_of("no", "default", "pu", "show-cancelled") == derived("rf", "no", "refund", "show-cancelled")
