"""Contract of the log of deliveries and of the endpoints' secrets, for PostgreSQL and for the fakes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest

from activities.access.webhooks.ports import DeliveryLog, EndpointSecrets
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool, open_pool
from adapters.postgres.webhooks import PostgresDeliveries
from adapters.privacy.endpoint_secrets import PostgresEndpointSecrets
from adapters.read_models.projection import Projection
from domain.views.outgoing.endpoint import DeliveryAttempt, EndpointFilter
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import MemoryReads
from tests.fakes.webhook_box import MemoryDeliveries, MemoryEndpointSecrets

WHOLE = EndpointFilter("we", "default", "", ())
AT = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {"k1": bytes(32)}


class Box(NamedTuple):
    """A log over one sale, and secrets."""

    log: Any
    secrets: EndpointSecrets
    head: int


@pytest.fixture(params=["fake", "postgres"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Box]:
    if request.param == "fake":
        fake = FakeEventStore(utc_now)
        await sell(fake)
        reads = MemoryReads(fake)
        log: DeliveryLog = MemoryDeliveries(lambda: reads.catch_up().outgoing, lambda: len(fake.log))
        yield Box(log, MemoryEndpointSecrets(), len(fake.log))
        return
    url: str = request.getfixturevalue("tables_url")
    store = PostgresEventStore(url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE webhook_deliveries, webhook_positions, webhook_secrets")
        Projection(connection).catch_up()
        head = connection.execute("SELECT max(notification_id) FROM events").fetchall()[0][0]
    async with open_pool(url) as pool:
        yield Box(PostgresDeliveries(pool), PostgresEndpointSecrets(pool, KEYS), head)


async def note(box: Box, position: int, state: Any, status: int | None = 200) -> None:
    event = await box.log.event(WHOLE, position)
    assert event is not None
    fault = None if status else "timeout"
    await box.log.note(DeliveryAttempt("we", position, event["id"], event["type"], state, status, fault, AT))


async def test_due_events_come_in_pages(box: Box) -> None:
    """In the order of positions, with their lanes; at the end the whole log was looked at."""
    page = await box.log.due(WHOLE, 0, 100)
    assert page.looked_to == box.head
    assert [event.lane for event in page.events][:3] == ["sh_1", "sh_1", "pu_1"]
    positions = [event.position for event in page.events]
    assert positions == sorted(positions)
    first = await box.log.due(WHOLE, 0, 2)
    assert (list(first.events), first.looked_to) == (list(page.events[:2]), positions[1])
    rest = await box.log.due(WHOLE, first.looked_to, 100)
    assert list(rest.events) == list(page.events[2:])
    assert (await box.log.due(WHOLE, 5, 0)) == ((), 5)
    assert list((await box.log.due(WHOLE, box.head, 9)).events) == []


async def test_the_filter_of_an_endpoint(box: Box) -> None:
    """By tenant, venue and types; an event that is not the endpoint's cannot be read for it."""
    issued = WHOLE._replace(types=("ticket.issued",))
    found = (await box.log.due(issued, 0, 100)).events
    assert len(found) == 2
    event = await box.log.event(issued, found[0].position)
    assert event is not None
    assert event["type"] == "ticket.issued"
    assert await box.log.event(issued, 10**6) is None
    for other in (WHOLE._replace(tenant_id="other"), WHOLE._replace(venue_id="ve_2")):
        assert list((await box.log.due(other, 0, 100)).events) == []
        assert await box.log.event(other, found[0].position) is None
    assert len((await box.log.due(WHOLE._replace(venue_id="ve_1"), 0, 100)).events) > 2


async def test_what_was_delivered_or_given_up_is_due_no_more(box: Box) -> None:
    """A failed one is; the log counts the tries and keeps the first and the last time."""
    one, two, three = (event.position for event in (await box.log.due(WHOLE, 0, 3)).events)
    await note(box, one, "failed", None)
    await note(box, one, "delivered")
    await note(box, two, "failed", 500)
    await note(box, three, "given-up", 404)
    due = [event.position for event in (await box.log.due(WHOLE, 0, 100)).events]
    assert two in due
    assert not {one, three} & {*due}
    assert await box.log.event(WHOLE, one) is None
    found = await box.log.entries("we", 10**6, 10)
    shown = [(entry["position"], entry["state"], entry["tries"], entry["status"], entry["fault"]) for entry in found]
    assert shown == [(three, "given-up", 1, 404, None), (two, "failed", 1, 500, None), (one, "delivered", 2, 200, None)]
    assert found[0]["first_at"] == AT.isoformat()
    assert await box.log.entries("we", two, 10) == found[2:]
    assert await box.log.entries("we", 10**6, 1) == found[:1]
    assert await box.log.entries("other", 10**6, 10) == []


async def test_a_position_moves_on_only_after_a_look_at_the_last_replay(box: Box) -> None:
    """It begins where the endpoint does; a replay moves it back, and who has not looked since moves it no more."""
    assert await box.log.advance("we", 3, None, 9) == (3, 0)
    assert await box.log.advance("we", 3, 0, 9) == (9, 0)
    assert await box.log.advance("we", 3, 0, 5) == (9, 0)
    event = (await box.log.due(WHOLE, 0, 1)).events[0]
    found = await box.log.event(WHOLE, event.position)
    assert await box.log.send_again(WHOLE, found["id"]) == 1
    assert await box.log.advance("we", 3, 0, 20) == (event.position - 1, 1)
    assert await box.log.advance("we", 3, 1, 20) == (20, 1)


async def test_events_are_made_due_again(box: Box) -> None:
    """One by its id, whatever its type and its end; those since a time within the filter."""
    every = [event.position for event in (await box.log.due(WHOLE, 0, 100)).events]
    for position in every:
        await note(box, position, "delivered")
    assert list((await box.log.due(WHOLE, 0, 100)).events) == []
    minted = WHOLE._replace(types=("ticket.minted",))
    entry = (await box.log.entries("we", 10**6, 100))[-1]
    assert entry["type"] == "show.announced"
    assert await box.log.send_again(minted, entry["event_id"]) == 1
    assert [event.position for event in (await box.log.due(minted, 0, 100)).events] == [entry["position"]]
    assert await box.log.send_again(WHOLE._replace(tenant_id="other"), entry["event_id"]) == 0
    assert await box.log.send_since(minted, utc_now() + timedelta(hours=1)) == 0
    assert await box.log.send_since(minted, AT - timedelta(days=400)) == 2
    assert len((await box.log.due(minted, 0, 100)).events) == 3


async def test_an_event_before_the_endpoint_began_is_sent_alone(box: Box) -> None:
    """Those between it and the beginning were never the endpoint's: asking for one sends no other."""
    every = [event.position for event in (await box.log.due(WHOLE, 0, 100)).events]
    later = WHOLE._replace(begins_after=every[4])
    assert [event.position for event in (await box.log.due(later, 0, 100)).events] == every[5:]
    found = await box.log.event(WHOLE, every[1])
    assert await box.log.send_again(later, found["id"]) == 1
    position = (await box.log.advance("we", every[4], None, 0)).position
    assert [event.position for event in (await box.log.due(later, position, 100)).events] == [every[1], *every[5:]]
    assert await box.log.event(later, every[2]) is None


async def test_a_secret_is_kept_once_per_number(box: Box) -> None:
    """Each is read by its number, and forgotten with the lower ones."""
    assert await box.secrets.keep("we", 1, "whsec_one")
    assert not await box.secrets.keep("we", 1, "whsec_other")
    assert await box.secrets.keep("we", 2, "whsec_two")
    assert await box.secrets.keep("other", 1, "whsec_three")
    assert await box.secrets.read("we", (2, 1, 3)) == ["whsec_two", "whsec_one"]
    await box.secrets.forget("we", 2)
    assert await box.secrets.read("we", (2, 1)) == ["whsec_two"]
    assert await box.secrets.read("other", (1,)) == ["whsec_three"]


async def test_secrets_are_sealed_and_sealed_again(tables_url: str, pool: Pool) -> None:
    """The table has no secret in plain where there is a key; a rotation seals all with the newest one."""
    with psycopg.connect(tables_url, autocommit=True) as connection:
        connection.execute("TRUNCATE webhook_secrets")
        plain, old = PostgresEndpointSecrets(pool, {}), PostgresEndpointSecrets(pool, KEYS)
        newest = PostgresEndpointSecrets(pool, {"k2": bytes([1]) * 32, **KEYS})
        await plain.keep("we", 1, "whsec_one")
        await old.keep("we", 2, "whsec_two")
        assert await newest.seal_again() == 2
        assert await newest.seal_again() == 0
        rows = connection.execute("SELECT key_id, secret FROM webhook_secrets").fetchall()
        assert {key_id for key_id, _ in rows} == {"k2"}
        assert not any("whsec" in secret for _, secret in rows)
        assert await newest.read("we", (1, 2)) == ["whsec_one", "whsec_two"]
