"""The cost of a purchase does not grow with the store, counted in blocks; the bench sees it if it does."""

import asyncio
import time
from typing import Any

import psycopg
import pytest

from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from bench.fixtures.event_store import LINES, open_store
from bench.fixtures.many_purchases import Copies, request_one
from bench.fixtures.show import open_show
from bench.growth import GROWTH_MAX, grown
from domain.core.ids import DEFAULT_TENANT
from tests.contract.postgres_box import database

FEW, MANY, MEASURED = 200, 20_000, 100
BLOCKS = (
    "SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read FROM pg_statio_user_tables"
    " WHERE relname = 'events'"
)
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
EVENTS = "SELECT count(*), count(DISTINCT originator_id) FROM events"
COST = {"api_us": 400.0, "postgres_us": 60.0, "blocks": 19.0, "log_bytes": 3000.0}


async def buy(store: Any, prefix: str, number: int) -> None:
    commands = PurchaseCommands(store)
    for one in range(number):
        names: dict[str, Any] = {"tenant_id": DEFAULT_TENANT, "show_id": "sh_bench", "buyer_id": "bu_1"}
        command = RequestPurchase(
            purchase_id=f"pu_{prefix}{one}", body_digest="d", lines=LINES, nonce=f"{prefix}{one}", **names
        )
        await commands.request_purchase(command)


def blocks_of_a_purchase(url: str, connection: psycopg.Connection[Any], prefix: str) -> float:
    """Return the blocks that a purchase touches."""
    before = counted(connection)
    with open_store(url) as store:
        asyncio.run(buy(store, prefix, MEASURED))
    return (counted(connection) - before) / MEASURED


def counted(connection: psycopg.Connection[Any]) -> int:
    """Return the blocks so far; others report theirs when their backends end, after the connection is closed."""
    connection.execute("SELECT pg_stat_force_next_flush()")  # else what this connection has copied comes later
    while connection.execute(OTHERS).fetchall() != [(0,)]:
        time.sleep(0.01)
    ((blocks,),) = connection.execute(BLOCKS).fetchall()
    return int(blocks)


@pytest.mark.slow
def test_a_purchase_touches_as_many_blocks_in_a_store_a_hundred_times_as_large() -> None:
    """An index is no deeper by more than a level, and nothing is read whole."""
    with database() as url, psycopg.connect(url, autocommit=True) as connection:
        with open_store(url) as store:
            asyncio.run(request_one(store))
            copies = Copies(connection)
            asyncio.run(open_show(store, 4 * MEASURED))
        costs = []
        for purchases in (FEW, MANY):
            before = connection.execute(EVENTS).fetchall()[0]
            copies.fill(purchases)
            made = [now - then for now, then in zip(connection.execute(EVENTS).fetchall()[0], before, strict=True)]
            new = purchases if purchases == FEW else purchases - FEW
            assert made == [3 * new, 2 * new], "an order of two events and a ticket of one, each in its own stream"
            costs.append(blocks_of_a_purchase(url, connection, f"{purchases}_"))
    assert costs[0] > 0
    assert costs[1] <= GROWTH_MAX * costs[0]


@pytest.mark.parametrize(
    ("name", "judged"), [("api_us", "processor_us"), ("blocks", "blocks"), ("log_bytes", "log_bytes")]
)
def test_a_cost_that_grows_is_named(name: str, judged: str) -> None:
    """A quarter more may be noise; beyond it the command fails."""
    assert grown([COST, {**COST, name: COST[name] * GROWTH_MAX}]) == {}
    assert list(grown([COST, {**COST, name: COST[name] * 2}])) == [judged]
