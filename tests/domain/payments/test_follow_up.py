"""A follow-up is open from the first news to its end, and again after later news."""

from datetime import UTC, datetime

from domain.payments.follow_up import FollowUp, FollowUpClosed, FollowUpOpened, FollowUpReopened

AT = datetime(2026, 11, 30, tzinfo=UTC)


def test_it_is_open_until_it_is_closed() -> None:
    """News while it is open, and an end while it is closed, change nothing."""
    matter = {"tenant_id": "t", "kind": "dispute", "subject_id": "du_1"}
    followed = FollowUp.begin(FollowUpOpened, "dispute/du_1", AT, **matter)
    for act in (followed.reopen, lambda at: followed.close("won", at), lambda at: followed.close("won", at)):
        act(AT)
    assert not followed.is_open
    followed.reopen(AT)
    assert followed.is_open
    assert [type(event) for event in followed.pending_events] == [FollowUpOpened, FollowUpClosed, FollowUpReopened]
