"""A list of a million purchases: a page is read from an index, at the beginning and deep inside.

It is counted in blocks; `page-of-purchases` of the bench measures the time.
"""

import re
from typing import Any

import psycopg
import pytest

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.read_models.lists.pages import statement_of, values_of
from adapters.read_models.projection import Projection
from bench.fixtures.many_rows import fill_list
from domain.views.listed import ListCursor, ListQuery
from domain.views.rows import PURCHASE_LIST
from tests.contract.selling import sell

MANY, FEW = 1_000_000, 1_000
PAGE_ROWS = 100
QUERIES = (
    ListQuery(limit=PAGE_ROWS),
    ListQuery(limit=PAGE_ROWS, show_id="sh_3"),
    ListQuery(limit=PAGE_ROWS, venue_id="ve_1", states=("cancelled",)),
    ListQuery(limit=PAGE_ROWS, attention=True),
    ListQuery(limit=PAGE_ROWS, after=ListCursor.parse("1767725600000000.pu_seed5")),
)


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_a_page_of_a_million_reads_as_little_as_one_of_a_thousand(tables_url: str) -> None:
    """Every filter is served by an index, and no page reads the rows before it."""
    store = PostgresEventStore(tables_url, utc_now)
    await sell(store)
    store.close()
    with psycopg.connect(tables_url, autocommit=True) as connection:
        Projection(connection).catch_up()
        fill_list(connection, "purchases", FEW, "few", "pu_few")
        fill_list(connection, "purchases", MANY, "many", "pu_seed")
        for query in QUERIES:
            plan = explained(connection, query, "many")
            assert "Seq Scan on rm_places" not in plan, plan
            assert "Seq Scan on rm_purchases" not in plan, plan
            assert "Sort Method: external" not in plan, plan
            few, many = blocks(explained(connection, query._replace(after=None), "few")), blocks(plan)
            print(f"{few} blocks of {FEW}, {many} of {MANY}: {query}")  # noqa: T201
            assert 0 < many <= max(2 * few, few + PAGE_ROWS), query


def explained(connection: psycopg.Connection[Any], query: ListQuery, tenant_id: str) -> str:
    """Return the plan of a page, as it ran."""
    statement = f"EXPLAIN (ANALYZE, BUFFERS) {statement_of(PURCHASE_LIST, query)}"
    rows = connection.execute(statement.encode(), values_of(PURCHASE_LIST, query, tenant_id)).fetchall()
    return "\n".join(row[0] for row in rows)


def blocks(plan: str) -> int:
    """Return the blocks that a plan's whole run touched: the first node's count has those of all others."""
    line = next(line for line in plan.splitlines() if "Buffers: shared" in line)
    return sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", line))
