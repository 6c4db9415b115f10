"""Each export of a million rows: streamed in pages, in bounded memory, without holding a connection between them.

The exports are those routes that say they answer with CSV. Their rows are copies of folded documents and postings.
"""

import asyncio
import importlib
import os
import pkgutil
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

import api.routes
from activities.refunds.request_refund import RefundCommands, RequestRefund
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.read_models.lists.places import LISTED
from adapters.read_models.projection import Projection
from adapters.read_models.queries import ReadModels
from api.http.guard import GuardedRoute
from bench.fixtures.many_rows import fill_list
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import PLATFORM_FEES, venue_payable
from domain.payments.dispute import Dispute, DisputeOpened
from domain.payouts.payout import Payout, PayoutPaid
from tests.contract.selling import sell
from tests.fakes.api_client import EVERY_SCOPE, app_over
from tests.fakes.shop_world import ApiWorld

MANY = int(os.environ.get("EXPORT_ROWS", "1000000"))
GROWTH_MAX = 16 * 1024 * 1024  # of the process, after the first pages
FIRST_SECONDS_MAX = 2.0
WARM_BYTES = 1024 * 1024
PAGE_ROWS = 1_000  # rows of a page, at most
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
MODULES = [importlib.import_module(f"api.routes.{found.name}") for found in pkgutil.iter_modules(api.routes.__path__)]
EXPORTS = [
    route.path
    for module in MODULES
    for route in getattr(getattr(module, "router", None), "routes", ())
    if isinstance(route, GuardedRoute) and "text/csv" in route.responses.get(200, {}).get("content", {})
]
LINES = """
INSERT INTO rm_account_lines (account, unit, position, number, side, amount, balance, key, purchase_id, kind, at)
SELECT %(account)s, 'eur', n + 100000, 0, 0, 100, n * 100, 'seed' || n, 'pu_1', 'sale',
  timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, %(count)s) AS n
"""
BALANCE = """
INSERT INTO rm_balances (account, unit, balance) VALUES (%(account)s, 'eur', %(count)s * 100)
ON CONFLICT (account, unit) DO UPDATE SET balance = EXCLUDED.balance
"""


async def sell_all(url: str) -> None:
    """Record something for each list: sales, a refund, a dispute and a payout; and fold it."""
    store = PostgresEventStore(url, utc_now)
    await sell(store)
    asked = RequestRefund(
        tenant_id="default", purchase_id="pu_1", refund_id="rf_1", body_digest="d", reason="requested-by-buyer"
    )
    await RefundCommands(store).request_refund(asked)

    def add(uow: UnitOfWork) -> None:
        parts = {"tenant_id": "default", "venue_id": "ve_1", "currency": "eur", "amount_minor": 500}
        uow.add(Dispute.begin(DisputeOpened, "dp_1", uow.at, purchase_id="pu_1", parts={}, **parts))
        uow.add(Payout.begin(PayoutPaid, "po_1", uow.at, **parts))

    await store.commit(add)
    store.close()


def seed(connection: psycopg.Connection[Any], path: str) -> None:
    """Store a million rows of an export; KeyError for one that is neither a list nor a statement."""
    connection.execute("TRUNCATE rm_places")
    Projection(connection).catch_up()
    if path.endswith("/statement"):
        account = PLATFORM_FEES if "platform" in path else venue_payable("ve_1")
        for statement in (LINES, BALANCE):
            connection.execute(statement, {"account": account, "count": MANY})
        connection.execute("UPDATE rm_position SET position = %s", (MANY + 200_000,))
        connection.execute("ANALYZE rm_account_lines, rm_balances")
        return
    fill_list(connection, LISTED[path.rpartition("/")[2]].kind, MANY)


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_SIZE


class Reader:
    """A client that reads a body and keeps none of it; it looks at memory and at what is lent while it reads."""

    def __init__(self, lent: "Lent") -> None:
        self._lent = lent
        self._began = time.monotonic()
        self.status = self.rows = self.bytes = self.busy = self.baseline = self.most = 0
        self.first_seconds = 0.0

    async def send(self, message: Any) -> None:
        """Take a message of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        body = message.get("body", b"")
        self.first_seconds = self.first_seconds or time.monotonic() - self._began
        self.rows, self.bytes = self.rows + body.count(b"\n"), self.bytes + len(body)
        self.busy = max(self.busy, len(self._lent.out))
        if self.bytes < WARM_BYTES:
            self.baseline = resident()
        self.most = max(self.most, resident())


class Lent:
    """The connections that a pool has lent; its figures also count those that it is about to replace."""

    def __init__(self, pool: Pool, patch: pytest.MonkeyPatch) -> None:
        self.out, self.times = set[Any](), 0
        self._take, self._give = pool.getconn, pool.putconn
        patch.setattr(pool, "getconn", self._getconn)
        patch.setattr(pool, "putconn", self._putconn)

    async def _getconn(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the pool's own
        connection = await self._take(timeout)
        self.out.add(connection)
        self.times += 1
        return connection

    async def _putconn(self, connection: Any) -> None:
        self.out.remove(connection)
        await self._give(connection)


@pytest.fixture
async def sold(tables_url: str) -> str:
    await sell_all(tables_url)
    return tables_url


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", EXPORTS)
async def test_an_export_of_a_million_rows_takes_no_more_memory_than_a_page(
    path: str, sold: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row is in it; memory stays where the first pages left it; no connection is held while a client reads."""
    with psycopg.connect(sold, autocommit=True) as connection:
        seed(connection, path)
    app = app_over(replace(ApiWorld().deps(), queries=ReadModels(pool)))
    lent = Lent(pool, monkeypatch)
    reader, began = Reader(lent), time.monotonic()
    scope = {
        "type": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "method": "GET", "scheme": "http",
        "path": re.sub(r"\{\w+\}", "ve_1", path), "raw_path": b"", "root_path": "", "query_string": b"format=csv",
        "headers": [(b"authorization", f"Bearer {EVERY_SCOPE}".encode())], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(sent, None) or await for_ever()

    await app(scope, receive, reader.send)
    seconds, growth = time.monotonic() - began, reader.most - reader.baseline
    print(  # noqa: T201
        f"{path}: {reader.rows} rows, {reader.bytes / 1e6:.0f} MB in {seconds:.0f} s, first after"
        f" {reader.first_seconds:.2f} s, memory grew by {growth / 1e6:.1f} MB from {reader.baseline / 1e6:.0f} MB"
    )
    assert reader.status == 200
    assert MANY < reader.rows < MANY + 100
    assert growth < GROWTH_MAX
    assert reader.bytes > 2 * GROWTH_MAX or MANY < 1_000_000, "the bound would not see an export that is kept whole"
    assert (reader.busy, len(lent.out)) == (0, 0)
    assert lent.times > MANY / PAGE_ROWS
    assert reader.first_seconds < FIRST_SECONDS_MAX


def test_every_export_is_found() -> None:
    """One for each list, and the two statements: a collection that finds none proves nothing."""
    assert len(EXPORTS) == len(LISTED) + 2


async def for_ever() -> Any:
    """Wait as a client that stays connected does."""
    await asyncio.Event().wait()
