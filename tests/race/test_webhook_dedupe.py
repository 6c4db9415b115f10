"""The inbox's primary key: without it an event that Stripe delivers twice is processed twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest

from adapters.database.schema import ensure_schema
from adapters.postgres.connections import open_pool
from adapters.postgres.tables import PostgresWebhookInbox
from domain.payments.webhook_event import WebhookEvent

DELIVERIES = 8
EVENT = WebhookEvent(
    event_id="evt_1",
    type="payment_intent.succeeded",
    object_id="pi_1",
    intent_id="pi_1",
    purchase_id="pu_1",
    created=datetime(2030, 1, 1, tzinfo=UTC),
    digest="d",
)


@pytest.fixture
async def inbox(empty_url: str) -> AsyncIterator[PostgresWebhookInbox]:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS webhook_inbox, alembic_version")
    ensure_schema(empty_url)
    async with open_pool(empty_url, DELIVERIES) as pool:
        yield PostgresWebhookInbox(pool)


async def taken_as_new(inbox: PostgresWebhookInbox) -> int:
    """Deliver one event many times at once; return the number taken as new."""
    return sum(await asyncio.gather(*(inbox.store(EVENT) for _ in range(DELIVERIES))))


async def test_without_the_key_each_delivery_is_a_new_event(inbox: PostgresWebhookInbox, empty_url: str) -> None:
    """Every delivery is taken as new, and waits for the relay."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE webhook_inbox DROP CONSTRAINT webhook_inbox_pkey")
    assert await taken_as_new(inbox) == DELIVERIES
    assert len(await inbox.unsignalled(100)) == DELIVERIES


async def test_with_the_key_an_event_is_taken_once(inbox: PostgresWebhookInbox) -> None:
    """One is new, the others are duplicates, also after it was signalled."""
    assert await taken_as_new(inbox) == 1
    await inbox.mark(EVENT.event_id)
    assert await taken_as_new(inbox) == 0
    assert await inbox.unsignalled(100) == []
