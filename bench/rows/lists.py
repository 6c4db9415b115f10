"""A page of a list with a million rows over HTTP, beside the same page of one with a thousand.

The page is asked for in three ways in turn: the newest rows, rows from the middle by a cursor, and one show's.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from statistics import median
from typing import Any

import psycopg

from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from activities.sales.ticket_api_holds import HoldCommands, MakeReservation
from adapters.event_store.store import PostgresEventStore
from adapters.read_models.projection import Projection
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import ROUND_TRIP
from bench.fixtures.environment import KEY
from bench.fixtures.event_store import HOLD, LINES, open_store
from bench.fixtures.many_rows import SEEDED_FROM, fill_list
from bench.fixtures.show import open_show
from bench.rows.on_sale import run_api
from devstack.supervisor.ports import LOOPBACK
from domain.core.ids import DEFAULT_TENANT
from domain.views.listed import ListCursor

MANY, FEW = 1_000_000, 1_000
PAGE_ROWS = 100
CALLS = 150
OK = 200
MS = 1000


async def _sell(store: PostgresEventStore) -> None:
    """Record one purchase, and a reservation with a ticket: what the rows are copied from."""
    await open_show(store)
    named: dict[str, Any] = {"tenant_id": DEFAULT_TENANT, "show_id": "sh_bench", "lines": LINES, "body_digest": "d"}
    await PurchaseCommands(store).request_purchase(
        RequestPurchase(purchase_id="pu_bench", buyer_id="bu_bench", **named)
    )
    seconds = int(HOLD.total_seconds())
    await HoldCommands(store).reserve(MakeReservation(reservation_id="re_bench", hold_seconds=seconds, **named))


def _get(connection: HTTPConnection, path: str) -> None:
    """Read a whole page; raise unless it is full."""
    connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != OK or body.count(b'"order_ref"') != PAGE_ROWS:
        raise RuntimeError(f"GET {path}: {answer.status}, expected {PAGE_ROWS} rows: {body[:300]!r}")


@contextmanager
def _pages(url: str, kind: str, rows: int) -> Iterator[Candidate]:
    with open_store(url) as store:
        asyncio.run(_sell(store))
    with psycopg.connect(url, autocommit=True) as connection:
        Projection(connection).catch_up()
        fill_list(connection, kind, rows, DEFAULT_TENANT)
    middle = ListCursor(SEEDED_FROM + timedelta(seconds=rows // 2), "seed").text
    path = f"/api/v1/{kind}?limit={PAGE_ROWS}"
    paths = (path, f"{path}&cursor={middle}", f"{path}&show_id=sh_3")
    with run_api(url) as (port, _):
        http = HTTPConnection(LOOPBACK, port)

        def measure() -> float:
            took = []
            for asked in islice(cycle(paths), CALLS):
                began = time.perf_counter()
                _get(http, asked)
                took.append((time.perf_counter() - began) * MS)
            return median(took)

        measure()
        yield Candidate(measure, f"{rows:,} rows, p50 of the newest, the middle and one show's")
        http.close()


ROWS = tuple(
    Row(
        f"page-of-{kind}",
        "ms",
        ROUND_TRIP,
        Side(f"GET a page of {PAGE_ROWS} {kind}", partial(_pages, kind=kind, rows=MANY)),
        (Baseline(Side("the same page of a short list", partial(_pages, kind=kind, rows=FEW)), at_most=2),),
    )
    for kind in ("purchases", "tickets")
)
