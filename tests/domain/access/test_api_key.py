"""API keys: the text that clients send, two secrets while one rotates, and the end of a key."""

from datetime import timedelta

import pytest

from domain.access.api_key import ApiKey, KeyCreated, KeyText, check_scopes, parse_key
from domain.core.errors import WrongState
from tests.fakes.samples import AT, names_of

FIRST, SECOND = KeyText("bo_sk", "k1", "first"), KeyText("bo_sk", "k1", "second")


@pytest.fixture
def stored() -> ApiKey:
    terms = {"tenant_id": "default", "kind": "secret", "label": "shop", "scopes": ["manage"], "bound_to": "ve"}
    return ApiKey.begin(
        KeyCreated, "k1", AT, **terms, digest_of_secret=FIRST.digest, expires_at=AT + timedelta(days=30)
    )


def test_a_key_is_read_from_its_text() -> None:
    """A text without a known prefix, an id or a secret is no key."""
    assert parse_key(str(FIRST)) == FIRST
    assert [parse_key(text) for text in ("", "bo_sk", "bo_sk_k1", "bo_sk_k1_", "sk_live_k1_first")] == [None] * 5


def test_two_secrets_are_accepted_while_one_rotates(stored: ApiKey) -> None:
    """The old secret ends at its time, the new one with the key."""
    until = AT + timedelta(hours=1)
    stored.rotate(SECOND.digest, until, AT)
    assert [stored.accepts(FIRST, at) for at in (AT, until)] == [True, False]
    assert [stored.accepts(SECOND, at) for at in (AT, until, AT + timedelta(days=30))] == [True, True, False]


def test_a_key_of_another_kind_is_refused(stored: ApiKey) -> None:
    """The prefix is part of the key, so that a secret key cannot be passed on as a publishable one."""
    assert not stored.accepts(FIRST._replace(prefix="bo_pk"), AT)


def test_a_revoked_key_is_over(stored: ApiKey) -> None:
    """No secret is accepted, it does not rotate, and a second end changes nothing."""
    stored.revoke(AT)
    stored.revoke(AT)
    assert names_of(stored) == ["KeyRevoked"]
    assert not stored.accepts(FIRST, AT)
    with pytest.raises(WrongState, match="the key is revoked"):
        stored.rotate(SECOND.digest, AT, AT)


def test_scopes_suit_the_kind_of_key() -> None:
    """A key has a scope; a publishable one has no other than `purchase`."""
    check_scopes("publishable", ["purchase"])
    with pytest.raises(WrongState, match="at least one scope of"):
        check_scopes("secret", [])
    with pytest.raises(WrongState, match="the scope purchase and no other"):
        check_scopes("publishable", ["purchase", "manage"])
