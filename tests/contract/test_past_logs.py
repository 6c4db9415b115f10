"""The retention of the logs of what was sent, on PostgreSQL: what is past goes, and nothing is sent again for it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool, connection_of
from adapters.postgres.webhooks import PostgresDeliveries
from adapters.privacy.retention import PostgresRetention
from adapters.read_models.projection import Projection
from domain.views.outgoing.endpoint import DeliveryAttempt, DeliveryState, EndpointFilter
from tests.contract.selling import sell

AT = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 90
PAST = AT + timedelta(days=DAYS)
WE = EndpointFilter("we", "default", "", ())


class Log(NamedTuple):
    """The log of an endpoint, the positions of its events, and its retention."""

    entries: PostgresDeliveries
    events: list[int]
    retention: PostgresRetention

    async def note(self, position: int, state: DeliveryState) -> None:
        event = await self.entries.event(WE, position)
        assert event is not None
        await self.entries.note(DeliveryAttempt("we", position, event["id"], event["type"], state, 200, None, AT))

    async def kept(self) -> list[int]:
        return [entry["position"] for entry in await self.entries.entries("we", 10**6, 100)][::-1]

    async def due(self) -> list[int]:
        return [event.position for event in (await self.entries.due(WE, 0, 100)).events]


@pytest.fixture
async def log(tables_url: str, pool: Pool) -> Log:
    """Of an endpoint that took three events, one more out of turn, and not the one between."""
    store = PostgresEventStore(tables_url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(tables_url, autocommit=True) as connection:
        Projection(connection).catch_up()
    entries = PostgresDeliveries(pool)
    events = [event.position for event in (await entries.due(WE, 0, 100)).events]
    found = Log(entries, events, PostgresRetention(pool, 0, DAYS))
    ends: list[DeliveryState] = ["delivered", "given-up", "delivered", "failed", "delivered"]
    for position, state in zip(events, ends, strict=False):
        await found.note(position, state)
    await entries.advance("we", 0, None, 0)
    await entries.advance("we", 0, 0, events[2])
    return found


async def run(pool: Pool, statement: str, *values: object) -> None:
    async with connection_of(pool) as connection:
        await connection.execute(statement, values)


async def test_past_entries_go_once_their_endpoint_is_beyond_them(log: Log) -> None:
    """What failed, and what was taken out of turn, stays: without it the event would be sent again."""
    assert await log.retention.deliveries(PAST - timedelta(seconds=1)) == 0
    assert await log.retention.deliveries(PAST) == 3
    assert await log.kept() == log.events[3:5]
    assert await log.retention.deliveries(PAST + timedelta(days=999)) == 0


async def test_a_replay_sends_nothing_else_for_the_lack_of_its_entry(log: Log) -> None:
    """It moves the endpoint back to its event; the events after it were sent, though their entries are gone."""
    before = await log.due()
    assert before == [log.events[3], *log.events[5:]]
    first = (await log.entries.entries("we", 10**6, 100))[-1]["event_id"]
    assert await log.retention.deliveries(PAST) == 3
    assert await log.due() == before
    assert await log.entries.send_again(WE, first) == 1
    assert await log.due() == [log.events[0], *before]
    assert await log.retention.deliveries(PAST + timedelta(days=999)) == 0  # it waits
    assert await log.entries.send_since(WE, AT - timedelta(days=999)) == len(log.events)
    assert await log.due() == log.events


async def test_every_entry_of_a_deleted_endpoint_goes(log: Log, pool: Pool) -> None:
    """Nobody sends anything there."""
    await run(pool, "INSERT INTO rm_endpoints (id, doc) VALUES ('we', '{\"state\": \"deleted\"}')")
    assert await log.retention.deliveries(PAST) == 5
    assert await log.kept() == []


async def test_letters_that_are_still_to_be_sent_stay(pool: Pool) -> None:
    """Those that were sent, dropped or set aside go, each in its time."""
    insert = (
        "INSERT INTO letters (event_id, purchase_id, type, position, state, tries, unknown_ends, due_at, first_at,"
        " last_at) VALUES (%s, 'pu', 'order.confirmed', 1, %s, 1, 0, %s, %s, %s)"
    )
    states = ("due", "sending", "sent", "refused", "given-up", "dropped")
    for number, state in enumerate(states):
        at = AT + timedelta(days=state == "dropped")
        await run(pool, insert, f"ev_{number}", state, at, at, at)
    retention = PostgresRetention(pool, 0, DAYS)
    assert [await retention.letters(PAST + timedelta(days=day)) for day in (-1, 0, 1, 999)] == [0, 3, 1, 0]
    async with connection_of(pool) as connection:
        rows = await (await connection.execute("SELECT state FROM letters ORDER BY state")).fetchall()
    assert [row[0] for row in rows] == ["due", "sending"]


def test_a_log_may_be_kept_for_ever(pool: Pool) -> None:
    """Without days nothing is deleted."""
    assert {"log of webhooks sent", "log of letters"} <= PostgresRetention(pool, 0, DAYS).kinds().keys()
    assert not {"log of webhooks sent", "log of letters"} & PostgresRetention(pool, 30, 0).kinds().keys()
