"""Sessions: sealed keys that end, and that no other deployment opens."""

import time
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet

from adapters.privacy.sessions import SESSION_SECONDS, SealedSessions

OURS, THEIRS = bytes(range(32)), bytes(range(1, 33))
KEY = "bo_sk_default_aaaa_bbbb"


def test_a_session_gives_its_key_back_and_shows_nothing_of_it() -> None:
    """Two sessions of one key differ."""
    sessions = SealedSessions(OURS)
    first, second = sessions.seal(KEY), sessions.seal(KEY)
    assert sessions.open(first) == sessions.open(second) == KEY
    assert first != second
    assert KEY not in first


def test_a_session_ends() -> None:
    """After twelve hours, however often it was used."""
    sealing, now = Fernet(urlsafe_b64encode(OURS)), int(time.time())
    for age, found in ((SESSION_SECONDS - 60, KEY), (SESSION_SECONDS + 60, None)):
        session = sealing.encrypt_at_time(KEY.encode(), now - age).decode()
        assert SealedSessions(OURS).open(session) == found


def test_what_this_deployment_did_not_make_is_nothing() -> None:
    """Another one's session, a changed one, any text, and letters that no session has."""
    session = SealedSessions(OURS).seal(KEY)
    others = (SealedSessions(THEIRS).seal(KEY), session[:-6] + "AAAAA=", "", "x", "ä" * 40)
    assert [SealedSessions(OURS).open(other) for other in others] == [None] * len(others)
