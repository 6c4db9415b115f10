"""Statements on PostgreSQL: pages are the whole, sums are the balance, and a page costs the same however many lines."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from adapters.postgres.connections import Pool
from adapters.read_models.documents import DocumentBatch
from adapters.read_models.money.statement import read_statement
from adapters.read_models.projection import KEEP_BALANCE, store_batch
from adapters.read_models.queries import BALANCE, ReadModels
from domain.money.books import VENUE_ACCOUNTS, venue_account
from domain.money.csv_table import csv_of
from domain.money.statement import COLUMNS, Entry, LineCursor, Statement, StatementQuery, booked
from tests.fakes.recomputed import folded, platform_statement, venue_statement

PENDING, AVAILABLE = venue_account("ve", "pending"), venue_account("ve", "available")
ACCOUNTS = (PENDING, AVAILABLE, venue_account("other", "pending"), "stripe:clearing", "platform:fees", "dispute:losses")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
POSTINGS = 300
MANY = 20_000
BATCH = 50
LIMIT = 20


@pytest.fixture
def connection(tables_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(tables_url, autocommit=True) as connection:
        yield connection


def some_entries() -> list[Entry]:
    """Return postings between random accounts, some of one transaction, by clocks that disagree."""
    drawn, entries = random.Random(7), list[Entry]()  # noqa: S311 - a fixed draw
    for position in range(1, POSTINGS + 1):
        at = BEGAN + timedelta(minutes=position + drawn.randint(-5, 5))
        for number in range(drawn.randint(1, 2)):
            debit, credit = drawn.sample(ACCOUNTS, 2)
            unit = drawn.choice(("eur", "eur", "jpy"))
            amount = drawn.randint(1, 10_000)
            entries.append(Entry(position, number, f"k{position}", "", "sale", at, debit, credit, amount, unit))
    return entries


def store(connection: psycopg.Connection[Any], entries: list[Entry]) -> DocumentBatch:
    """Store postings as the projector does, batch by batch; return them as they are recomputed."""
    whole = folded([])
    whole.postings += entries
    for first in range(0, len(entries), BATCH):
        batch = folded([])
        batch.postings += entries[first : first + BATCH]
        with connection.transaction(), connection.cursor() as cursor:
            store_batch(cursor, batch, {})
    connection.execute("UPDATE rm_position SET position = %s", (entries[-1].position,))
    return whole


async def pages_of(reads: ReadModels, query: StatementQuery) -> list[Statement]:
    pages = [await reads.statement("ve", query)]
    while (cursor := pages[-1]["next"]) is not None:
        pages.append(await reads.statement("ve", query._replace(after=LineCursor.parse(cursor))))
    return pages


@pytest.mark.parametrize("period", [(None, None), (60, None), (None, 200), (60, 200), (60, 60), (10_000, None)])
async def test_the_pages_of_any_period_are_the_recomputed_statement(
    connection: psycopg.Connection[Any], pool: Pool, period: tuple[int | None, int | None]
) -> None:
    """Opening balances and lines give the closing ones; whole, in pages and as CSV it is the same, byte by byte."""
    documents, reads = store(connection, some_entries()), ReadModels(pool)
    since, until = (BEGAN + timedelta(minutes=minute) if minute is not None else None for minute in period)
    whole = await reads.statement("ve", StatementQuery(since, until))
    assert json.dumps(whole) == json.dumps(venue_statement(documents, "ve", StatementQuery(since, until)))
    sums = {(one["account"], one["currency"]): one["balance_minor"] for one in whole["opening"]}
    for line in whole["lines"]:
        sums[line["account"], line["currency"]] += line["amount_minor"]
        assert sums[line["account"], line["currency"]] == line["balance_minor"]
    assert sums == {(one["account"], one["currency"]): one["balance_minor"] for one in whole["closing"]}
    for limit in (1, 7) if period == (60, 200) else (50,):
        pages = await pages_of(reads, StatementQuery(since, until, limit))
        assert [line for page in pages for line in page["lines"]] == whole["lines"]
        assert all((page["opening"], page["closing"]) == (whole["opening"], whole["closing"]) for page in pages)
        in_csv = "".join(csv_of(COLUMNS, page["lines"], head=page is pages[0]) for page in pages)
        assert in_csv == csv_of(COLUMNS, whole["lines"], head=True)


@pytest.mark.parametrize("period", [(None, None), (60, 200)])
async def test_the_platforms_pages_are_the_recomputed_statement(
    connection: psycopg.Connection[Any], pool: Pool, period: tuple[int | None, int | None]
) -> None:
    """Its sums are those of the postings that name its accounts, added up here; whole and in pages it is the same."""
    entries = some_entries()
    documents, reads = store(connection, entries), ReadModels(pool)
    since, until = (BEGAN + timedelta(minutes=minute) if minute is not None else None for minute in period)
    query = StatementQuery(since, until)
    whole = await reads.platform_statement(query)
    assert json.dumps(whole) == json.dumps(platform_statement(documents, query))
    pages = [await reads.platform_statement(query._replace(limit=7))]
    while (cursor := pages[-1]["next"]) is not None:
        pages.append(await reads.platform_statement(query._replace(limit=7, after=LineCursor.parse(cursor))))
    assert [line for page in pages for line in page["lines"]] == whole["lines"]
    if period == (None, None):
        sums = Counter[tuple[str, str]]()
        for one in entries:
            for account, amount in ((one.credit, one.amount), (one.debit, -one.amount)):
                if account in {"platform:fees", "dispute:losses"}:
                    sums[{"platform:fees": "fees"}.get(account, "dispute_losses"), one.unit] += amount
        assert {(one["account"], one["currency"]): one["balance_minor"] for one in whole["closing"]} == sums


async def test_a_free_order_is_a_line_and_no_posting(connection: psycopg.Connection[Any], pool: Pool) -> None:
    """It stands between the lines of its account and moves nothing; the postings of its purchase do not have it."""
    sale = Entry(1, 0, "k1", "pu_1", "sale", BEGAN, "stripe:clearing", PENDING, 100, "eur")
    free = Entry(2, 1, "k2", "pu_2", "sale", BEGAN, "", PENDING, 0, "eur")
    documents, reads = store(connection, [sale, free, sale._replace(position=3, key="k3")]), ReadModels(pool)
    whole = await reads.statement("ve", StatementQuery())
    shown = [(line["amount_minor"], line["balance_minor"]) for line in whole["lines"]]
    assert shown == [(100, 100), (0, 100), (100, 200)]
    assert json.dumps(whole) == json.dumps(venue_statement(documents, "ve"))
    found = connection.execute("SELECT key FROM rm_postings ORDER BY position").fetchall()
    assert found == [("k1",), ("k3",)]
    assert connection.execute("SELECT count(*) FROM rm_balances WHERE account = ''").fetchall() == [(0,)]


async def test_the_lines_sum_up_to_the_balance(connection: psycopg.Connection[Any], pool: Pool) -> None:
    """The closing balances of everything are the balances of the venue's accounts."""
    store(connection, some_entries())
    reads, names = ReadModels(pool), {venue_account("ve", name): name for name in VENUE_ACCOUNTS}
    statement, sums = await reads.statement("ve", StatementQuery()), await reads.venue_sums("ve")
    closing = {(one["account"], one["currency"]): one["balance_minor"] for one in statement["closing"]}
    assert closing == {(names[account], unit): balance for (account, unit), balance in sums.items()}
    for (account, unit), balance in sums.items():
        name = (names[account], unit)
        amounts = [one["amount_minor"] for one in statement["lines"] if (one["account"], one["currency"]) == name]
        assert sum(amounts) == balance
        newest = [one["amount_minor"] for one in (await reads.balance(account))["lines"] if one["currency"] == unit]
        assert sorted(newest) == sorted(amounts)


async def test_all_pages_end_where_the_first_one_saw_the_end(connection: psycopg.Connection[Any], pool: Pool) -> None:
    """Lines that are posted while a client turns the pages are of its next statement."""
    entries, reads = some_entries(), ReadModels(pool)
    early = [one for one in entries if one.position <= POSTINGS // 2]
    store(connection, early)
    whole = await reads.statement("ve", StatementQuery())
    first = await reads.statement("ve", StatementQuery(limit=LIMIT))
    store(connection, entries[len(early) :])
    assert first["next"] is not None
    rest = await reads.statement("ve", StatementQuery(after=LineCursor.parse(first["next"])))
    assert [*first["lines"], *rest["lines"]] == whole["lines"]
    assert (rest["closing"], rest["next"]) == (whole["closing"], None)


class Plans:
    """Runs queries, and counts the rows that their plans read."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.rows_read = 0
        self.rows_returned = 0

    async def __call__(self, statement: str, values: Any) -> list[tuple[Any, ...]]:
        ((plan,),) = self._connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).fetchall()
        self._count(plan[0]["Plan"])
        rows = self._connection.execute(statement, values).fetchall()
        self.rows_returned += len(rows)
        return rows

    def _count(self, node: dict[str, Any]) -> None:
        if node.get("Relation Name") in {"rm_postings", "rm_account_lines"}:
            removed = node.get("Rows Removed by Filter", 0)
            self.rows_read += round((node["Actual Rows"] + removed) * node["Actual Loops"])
        for inner in node.get("Plans", ()):
            self._count(inner)


def copy_many(connection: psycopg.Connection[Any]) -> None:
    """Store many sales of one venue, and few of another before and after them."""
    accounts = [venue_account("small", "pending"), *[PENDING] * MANY, venue_account("small", "pending")]
    entries = [
        Entry(n, 0, f"k{n}", "", "sale", BEGAN + timedelta(minutes=n), "stripe:clearing", account, 100, "eur")
        for n, account in enumerate(accounts, start=1)
    ]
    balances: dict[tuple[str, str], int] = {}
    found = booked(entries, balances, None)
    with connection.transaction(), connection.cursor() as cursor:
        for table, rows in (
            ("rm_postings", [(*one.entry, one.booked_at) for one in found]),
            ("rm_account_lines", [leg for one in found for leg in one.legs]),
        ):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.executemany(KEEP_BALANCE, [(*name, balance) for name, balance in balances.items()])
    connection.execute("UPDATE rm_position SET position = %s", (len(entries),))
    connection.execute("ANALYZE rm_postings, rm_account_lines")


async def test_a_page_reads_its_own_lines_however_many_there_are(connection: psycopg.Connection[Any]) -> None:
    """First, middle and last page, a late period, the newest lines and a small venue: a few rows each."""
    copy_many(connection)
    middle = BEGAN + timedelta(minutes=MANY // 2)
    cases = {
        "first page": StatementQuery(limit=LIMIT),
        "middle page": StatementQuery(limit=LIMIT, after=LineCursor(MANY // 2, 0, 0, MANY)),
        "last page": StatementQuery(limit=LIMIT, after=LineCursor(MANY - LIMIT, 0, 0, MANY + 1)),
        "half of the period": StatementQuery(since=middle, limit=LIMIT),
        "until the middle": StatementQuery(until=middle, limit=LIMIT),
    }
    for name, query in cases.items():
        for venue in ("ve", "small"):
            plans = Plans(connection)
            found = await read_statement(plans, venue, query)
            assert len(found["lines"]) == LIMIT or venue == "small", name
            assert plans.rows_read <= 3 * (LIMIT + 1), (name, venue, plans.rows_read)
            assert plans.rows_returned <= LIMIT + 10
    plans = Plans(connection)
    lines = await plans(BALANCE, {"account": PENDING, "limit": LIMIT})
    assert [line[2] for line in lines] == list(range(MANY + 1, MANY + 1 - LIMIT, -1))
    assert plans.rows_read <= 3 * (LIMIT + 1)
    plans = Plans(connection)
    await plans("SELECT sum(amount) FROM rm_account_lines WHERE account = %s", (PENDING,))
    assert plans.rows_read >= MANY  # the measure sees a query that reads every line
