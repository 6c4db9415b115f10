"""Read models on PostgreSQL: each event folded once, rebuildable, and equal to the fold in memory."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.database.rebuild import rebuild
from adapters.database.schema import ensure_schema
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.read_models.documents import KINDS
from adapters.read_models.projection import LINES, Projection
from adapters.read_models.stalled_work import StalledWorkQueries
from domain.catalog.discount import discount_id_of
from domain.catalog.show import Show
from domain.money.books import venue_payable
from domain.money.csv_table import csv_of
from domain.money.statement import COLUMNS, StatementQuery
from domain.views.catalog import moment_of
from projector import Follower
from tests.contract.selling import sell
from tests.fakes.recomputed import folded, venue_statement
from tests.fakes.samples import AT, new_show
from tests.fakes.shop_world import ApiWorld
from tests.fakes.stored import numbered


@pytest.fixture
def store(tables_url: str) -> Iterator[PostgresEventStore]:
    store = PostgresEventStore(tables_url, utc_now)
    yield store
    store.close()


@pytest.fixture
def connection(tables_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(tables_url, autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    statement = SQL("SELECT * FROM {} ORDER BY 1, 2")
    found = {
        name: connection.execute(statement.format(Identifier(f"rm_{name}"))).fetchall() for name in (*KINDS, *LINES)
    }
    return found | {"position": connection.execute("SELECT position FROM rm_position").fetchall()}


async def test_the_read_models_equal_the_fold_in_memory(
    store: PostgresEventStore, connection: psycopg.Connection[Any], pool: Pool
) -> None:
    """Purchase, stock, ticket, balance and position are the same in both."""
    await sell(store)
    Projection(connection).catch_up()
    reads = StalledWorkQueries(pool)
    memory = ApiWorld()
    await sell(memory.store)
    found, expected = await reads.purchase("pu_1"), await memory.reads.purchase("pu_1")
    assert found is not None
    assert expected is not None
    for document in (found, expected):  # the two stores have two clocks
        assert document["payment"] is not None
        assert document["payment"]["captured_at"]
        document["payment"]["captured_at"] = ""
        assert document["confirmed_at"]
    for name in ("state", "price", "lines", "tickets", "payment", "end_reason", "position", "discount_code"):
        assert found[name] == expected[name], name
    texts = [line["text"] for line in found["timeline"]]
    assert texts == [line["text"] for line in expected["timeline"]]
    assert len(found["postings"]) == 7
    show = await reads.show("sh_1")
    assert show is not None
    floor = show["ticket_types"][0]
    assert (floor["held"], floor["sold"], floor["available"], show["on_sale"]) == (3, 2, 0, True)
    assert (floor["price_minor"], show["sale_until"]) == (1200, "2100-01-01T00:00:00+00:00")
    discount = await reads.discount(discount_id_of("sh_1", "EARLY"))
    in_memory = await memory.reads.discount(discount_id_of("sh_1", "EARLY"))
    assert discount is not None
    assert in_memory is not None
    assert {**discount, "created_at": ""} == {**in_memory, "created_at": ""}
    assert (discount["code"], discount["in_use"], discount["limit"]) == ("EARLY", 2, 3)
    assert (await reads.balance(venue_payable("ve_1")))["balances"] == [{"currency": "eur", "balance_minor": 1500}]
    assert (await reads.balance(venue_payable("ve_1")))["lines"][0]["purchase_id"] == "pu_1"
    assert await reads.position() == await reads.head() == len(memory.store.log)


async def test_a_statement_equals_the_one_from_events_to_the_byte(
    store: PostgresEventStore, connection: psycopg.Connection[Any], pool: Pool, tables_url: str
) -> None:
    """Computed from the events alone, it is the same JSON and CSV."""
    await sell(store)
    Projection(connection).catch_up()
    query = StatementQuery(since=datetime(2026, 1, 1, tzinfo=UTC))
    shown = await StalledWorkQueries(pool).statement("ve_1", query)
    computed = venue_statement(folded(numbered(tables_url)), "ve_1", query)
    assert json.dumps(shown) == json.dumps(computed)
    assert csv_of(COLUMNS, shown["lines"], head=True) == csv_of(COLUMNS, computed["lines"], head=True)
    (line,) = shown["lines"]
    assert (line["amount_minor"], line["balance_minor"], line["purchase_id"]) == (1500, 1500, "pu_1")
    assert (line["charge_id"], len(line["mint_addresses"])) == ("ch_1", 2)


async def test_two_projectors_fold_every_event_once(
    store: PostgresEventStore, connection: psycopg.Connection[Any], tables_url: str
) -> None:
    """They wait for each other on the position's row, so no event is counted twice."""
    await sell(store)
    stopping = threading.Event()
    projectors = [threading.Thread(target=Follower(tables_url, stopping).run) for _ in range(2)]
    for projector in projectors:
        projector.start()
    last = connection.execute("SELECT max(notification_id) FROM events").fetchall()
    for _ in range(500):
        if rows(connection)["position"] == last:
            break
        await asyncio.sleep(0.02)
    stopping.set()
    for projector in projectors:
        projector.join()
    followed = rows(connection)
    rebuild(tables_url)
    assert rows(connection) == followed


async def test_the_relay_finds_stalled_work(
    store: PostgresEventStore, connection: psycopg.Connection[Any], pool: Pool
) -> None:
    """A purchase that was only requested and an overdue hold are found, and the purchase of an intent."""
    await sell(store)
    Projection(connection).catch_up()
    stalled, later = StalledWorkQueries(pool), utc_now() + timedelta(seconds=5)
    assert [found["purchase_id"] for found in await stalled.requested(later, 10)] == ["pu_2"]
    assert await stalled.requested(utc_now() - timedelta(seconds=60), 10) == []
    assert [identity for identity, _, _, _ in await stalled.overdue(later, 10)] == ["re_1"]
    assert await stalled.tokenless(later, 10) == []
    owner = {"tenant_id": "default", "purchase_id": "pu_1", "attempt": 1, "currency": "eur"}
    assert await stalled.owner_of("pi_pu_1") == owner
    assert await stalled.owner_of("pi_none") is None


UNSOLD: dict[str, dict[str, Any]] = {
    "refunds": {"state": "succeeded", "resells": True, "resold": False, "purchase_id": "pu", "show_id": "sh",
                "succeeded_at": "2026-01-01T00:00:00+00:00", "owed_at_till": False, "ticket_ids": ["ti"]},
    "shows": {"resell_refunded": True, "called_off": False, "sale_until": None, "over_at": None},
    "tickets": {"state": "void", "token": "burnt", "leaf_index": None, "entered": False, "purchase_id": "pu"},
}  # fmt: skip
NAMES = {"refunds": "rf", "shows": "sh", "tickets": "ti"}
PAST, COMING = "2026-01-02T00:00:00+00:00", "2100-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("table", "change", "found"),
    [
        ("refunds", {}, 1),
        ("shows", {"sale_until": COMING, "over_at": COMING}, 1),
        ("refunds", {"resold": True}, 0),
        ("refunds", {"resells": False}, 0),
        ("refunds", {"succeeded_at": COMING}, 0),
        ("shows", {"resell_refunded": False}, 0),
        ("shows", {"called_off": True}, 0),
        ("shows", {"sale_until": PAST}, 0),
        ("shows", {"over_at": PAST}, 0),
        ("tickets", {"entered": True}, 0),
    ],
)
async def test_the_relay_finds_refunds_whose_seats_are_to_be_sold_again(
    table: str, change: dict[str, Any], found: int, connection: psycopg.Connection[Any], pool: Pool
) -> None:
    """Once, and only those for which something comes of it: another one would be begun for ever.

    SQL judges whether the show resells: as the show itself does.
    """
    for name, document in UNSOLD.items():
        text = json.dumps({**document, **(change if name == table else {})})
        insert = SQL("INSERT INTO {} VALUES (%s, %s)").format(Identifier(f"rm_{name}"))
        connection.execute(insert, (NAMES[name], text))
    assert len(await StalledWorkQueries(pool).refunding(utc_now(), 10)) == found
    if table == "shows":
        assert show_of({**UNSOLD["shows"], **change}).resells(utc_now()) == bool(found)


def show_of(document: dict[str, Any]) -> Show:
    """Return the show on sale that a document is of."""
    moments = {"sale_until": moment_of(document["sale_until"]), "ends_at": moment_of(document["over_at"])}
    show = new_show(resell_refunded=document["resell_refunded"], **moments)
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    if document["called_off"]:
        show.call_off(AT)
    return show


async def test_a_purchase_is_read_as_of_one_position(
    store: PostgresEventStore, connection: psycopg.Connection[Any], pool: Pool
) -> None:
    """Its document and its timeline agree while events are folded: a stream shows each position once."""
    projection = Projection(connection, batch_max=1)

    class FoldedMeanwhile(StalledWorkQueries):
        async def _rows(self, statement: Any, values: Any = None) -> list[tuple[Any, ...]]:
            rows = await super()._rows(statement, values)
            self.folded = projection.advance()
            return rows

    await sell(store)
    reads, seen = FoldedMeanwhile(pool), set[int]()
    while (found := await reads.purchase("pu_1")) is None or reads.folded:
        if found is not None:
            assert found["timeline"][-1]["position"] == found["position"]
            seen.add(found["position"])
    assert seen == {line["position"] for line in found["timeline"]}


async def test_processes_that_start_at_once_create_the_schema_once(store_server: str) -> None:
    """The first one creates it under a lock; none fails."""
    with psycopg.connect(store_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    await asyncio.gather(*(asyncio.to_thread(ensure_schema, store_server) for _ in range(6)))
    stores = await asyncio.gather(*(asyncio.to_thread(PostgresEventStore, store_server, utc_now) for _ in range(4)))
    for store in stores:
        store.close()
