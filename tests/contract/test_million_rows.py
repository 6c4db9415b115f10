"""A list of a million purchases: a page is read from an index, at the beginning and deep inside, in the same time."""

import time
from typing import Any

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool, open_pool
from adapters.read_models.lists.pages import statement_of, values_of
from adapters.read_models.projection import Projection
from adapters.read_models.queries import ReadModels
from bench.fixtures.many_rows import fill_list
from domain.core.actor import Actor, acting_as
from domain.views.listed import ListCursor, ListQuery
from domain.views.rows import PURCHASE_LIST
from tests.contract.selling import sell

MANY, FEW = 1_000_000, 1_000
ROUNDS = 15
QUERIES = (
    ListQuery(limit=100),
    ListQuery(limit=100, show_id="sh_3"),
    ListQuery(limit=100, venue_id="ve_1", states=("cancelled",)),
    ListQuery(limit=100, attention=True),
    ListQuery(limit=100, after=ListCursor.parse("1767725600000000.pu_seed5")),
)


async def seconds(pool: Pool, tenant_id: str, query: ListQuery) -> float:
    """Return the time of a page, the best of some."""
    reads, best = ReadModels(pool), 60.0
    with acting_as(Actor("seed", tenant_id)):
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await reads.page(PURCHASE_LIST, query)
            best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_a_page_of_a_million_is_as_fast_as_one_of_a_thousand(tables_url: str) -> None:
    """Every filter is served by an index, and no page reads the rows before it."""
    store = PostgresEventStore(tables_url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(tables_url, autocommit=True) as connection:
        Projection(connection).catch_up()
        fill_list(connection, "purchases", FEW, "few", "pu_few")
        fill_list(connection, "purchases", MANY, "many", "pu_seed")
        for query in QUERIES:
            plan = explained(connection, query)
            assert "Seq Scan on rm_places" not in plan, plan
            assert "Seq Scan on rm_purchases" not in plan, plan
            assert "Sort Method: external" not in plan, plan
    async with open_pool(tables_url) as pool:
        for query in QUERIES:
            few = await seconds(pool, "few", query._replace(after=None))
            many = await seconds(pool, "many", query)
            print(f"{few * 1000:.2f} ms of {FEW}, {many * 1000:.2f} ms of {MANY}: {query}")  # noqa: T201
            assert many <= max(2 * few, few + 0.005), query


def explained(connection: psycopg.Connection[Any], query: ListQuery) -> str:
    """Return the plan of a page, as it ran."""
    statement = f"EXPLAIN ANALYZE {statement_of(PURCHASE_LIST, query)}"
    rows = connection.execute(statement.encode(), values_of(PURCHASE_LIST, query, "many")).fetchall()
    return "\n".join(row[0] for row in rows)
