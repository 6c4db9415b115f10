"""Contract of the tables beside the events and the buyers, for PostgreSQL and the fakes."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.tables import PostgresCheckouts, PostgresKeyUses, PostgresWebhookInbox
from adapters.stripe.webhook import read_event
from domain.payments.webhook_event import WebhookEvent
from tests.adapters.stripe.odd_events import HANDLED, STORED_ONLY
from tests.fakes.identity import DEPLOYMENT
from tests.fakes.small_tables import MemoryCheckouts, MemoryInbox, MemoryKeyUses

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["fake", "postgres"])
def checkouts(request: pytest.FixtureRequest) -> MemoryCheckouts | PostgresCheckouts:
    return MemoryCheckouts() if request.param == "fake" else PostgresCheckouts(request.getfixturevalue("pool"))


@pytest.fixture(params=["fake", "postgres"])
def uses(request: pytest.FixtureRequest) -> MemoryKeyUses | PostgresKeyUses:
    return MemoryKeyUses() if request.param == "fake" else PostgresKeyUses(request.getfixturevalue("pool"))


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


async def test_the_last_use_of_a_key_is_noted(uses: MemoryKeyUses | PostgresKeyUses) -> None:
    """Each key once, with a time; a key that was never used has none."""
    for key_id in ("a", "b", "a"):
        await uses.note(key_id)
    used = await uses.all()
    assert set(used) == {"a", "b"}
    assert all(datetime.now(UTC) - at < timedelta(minutes=1) for at in used.values())


async def test_every_signed_event_can_be_stored(inbox: MemoryInbox | PostgresWebhookInbox) -> None:
    """Whatever an event's shape is, the inbox stores what was read of it and returns it unchanged."""
    bodies = [*STORED_ONLY.values(), *HANDLED.values()]
    events = [
        read_event(text.replace('"evt_1"', f'"evt_{number}"').encode(), DEPLOYMENT.deployment_id)
        for number, text in enumerate(bodies)
    ]
    events = [found.model_copy(update={"key": None}) for found in events]
    assert [await inbox.store(found) for found in events] == [True] * len(bodies)
    assert await inbox.unsignalled(100) == events
