"""Matters at Stripe are recorded before a workflow is told, and closed by the activity that sees their end."""

from datetime import UTC, datetime

import pytest

from activities.core.follow_ups import FollowUpCommands, Matter, close_follow_up
from domain.payments.follow_up import FollowUp
from tests.fakes.event_store import FakeEventStore

MATTER = Matter(kind="payment-case", subject_id="pi_1", tenant_id="t", purchase_id="pu_1", attempt=1)


@pytest.fixture
def store() -> FakeEventStore:
    return FakeEventStore(lambda: datetime(2026, 11, 30, tzinfo=UTC))


async def is_open(store: FakeEventStore) -> bool:
    return await store.read(lambda uow: uow.get(FollowUp, "payment-case/pi_1").is_open)


async def test_news_opens_it_and_opens_it_again(store: FakeEventStore) -> None:
    """The same news twice is one event."""
    records = FollowUpCommands(store)
    for _ in range(2):
        await records.open_follow_up(MATTER)
    assert len(store.log) == 1
    await close_follow_up(store, "payment-case", "pi_1", "sold")
    assert not await is_open(store)
    await records.open_follow_up(MATTER)
    assert await is_open(store)


async def test_nothing_is_closed_that_was_never_opened(store: FakeEventStore) -> None:
    """Workflows of releases without follow-ups end as before."""
    await close_follow_up(store, "payment-case", "pi_1", "sold")
    assert store.log == []
