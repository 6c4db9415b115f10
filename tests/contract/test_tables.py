"""Contract of the tables beside the events and the buyers, for PostgreSQL and the fakes."""

from datetime import UTC, datetime

import pytest

from adapters.tables import PostgresCheckouts, PostgresWebhookInbox
from domain.payments.webhook_event import WebhookEvent
from tests.fakes.small_tables import MemoryCheckouts, MemoryInbox

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["fake", "postgres"])
def checkouts(request: pytest.FixtureRequest) -> MemoryCheckouts | PostgresCheckouts:
    return MemoryCheckouts() if request.param == "fake" else PostgresCheckouts(request.getfixturevalue("pool"))


@pytest.fixture(params=["fake", "postgres"])
def inbox(request: pytest.FixtureRequest) -> MemoryInbox | PostgresWebhookInbox:
    return MemoryInbox() if request.param == "fake" else PostgresWebhookInbox(request.getfixturevalue("pool"))


def webhook(event_id: str) -> WebhookEvent:
    return WebhookEvent(
        event_id=event_id,
        type="payment_intent.succeeded",
        object_id="pi_1",
        intent_id="pi_1",
        purchase_id=None,
        created=AT,
        digest="d",
        account_id="acct_1",
    )


async def test_a_secret_is_replaced_and_forgotten(checkouts: MemoryCheckouts | PostgresCheckouts) -> None:
    """One secret per purchase; to forget an unknown one is success."""
    await checkouts.keep("pu_1", "a")
    await checkouts.keep("pu_1", "b")
    await checkouts.keep("pu_2", "c")
    assert [await checkouts.get(name) for name in ("pu_1", "pu_2", "pu_3")] == ["b", "c", None]
    await checkouts.forget("pu_1")
    await checkouts.forget("pu_1")
    assert [await checkouts.get(name) for name in ("pu_1", "pu_2")] == [None, "c"]


async def test_a_webhook_is_stored_once_until_it_is_marked(inbox: MemoryInbox | PostgresWebhookInbox) -> None:
    """Unmarked ones are listed oldest first, up to the limit; a marked one is still a duplicate."""
    events = [webhook(f"evt_{number}") for number in range(3)]
    assert [await inbox.store(event) for event in events] == [True, True, True]
    assert not await inbox.store(webhook("evt_1"))
    assert await inbox.unsignalled(10) == events
    assert await inbox.unsignalled(2) == events[:2]
    await inbox.mark("evt_0")
    await inbox.mark("evt_nobody")
    assert await inbox.unsignalled(10) == events[1:]
    assert not await inbox.store(webhook("evt_0"))
    assert await inbox.unsignalled(10) == events[1:]
