"""Statements: opening and closing balances, and lines with balance, charge and tokens."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.read_models.documents import PURCHASES, DocumentBatch
from domain.money.books import venue_account
from domain.money.csv_table import csv_of
from domain.money.statement import (
    COLUMNS,
    CURSOR_PATTERN,
    Entry,
    LineCursor,
    Links,
    Statement,
    StatementQuery,
    balance_of,
    booked,
)
from tests.fakes.recomputed import folded, venue_statement

PENDING, AVAILABLE = venue_account("ve", "pending"), venue_account("ve", "available")
LINKS = {"pu_1": Links("ch_1", ("MintA", "MintB"))}


def entry(day: int, debit: str, credit: str, amount: int, purchase_id: str = "pu_1", unit: str = "eur") -> Entry:
    at = datetime(2026, 1, day, tzinfo=UTC)
    return Entry(day, 0, f"{purchase_id}:{day}", purchase_id, "sale", at, debit, credit, amount, unit)


ENTRIES = [
    entry(1, "stripe:clearing", PENDING, 1000),
    entry(2, "stripe:clearing", "venue:other:payable", 50, "pu_2"),
    entry(3, "stripe:clearing", PENDING, 300, "pu_3", "jpy"),
    entry(4, PENDING, "stripe:clearing", 400),
    entry(4, "venues:sent", AVAILABLE, 400)._replace(number=1),
]


def statement(first: int | None = None, last: int | None = None) -> Statement:
    since, until = (datetime(2026, 1, day, tzinfo=UTC) if day else None for day in (first, last))
    return venue_statement(documents(), "ve", StatementQuery(since, until))


def documents() -> DocumentBatch:
    batch = folded([])
    batch.postings += ENTRIES
    for purchase_id, link in LINKS.items():
        tickets = [{"mint_address": address} for address in link.mint_addresses]
        purchase: Any = {"payment": {"charge_id": link.charge_id}, "tickets": tickets, "price": None, "lines": []}
        purchase |= {"show_id": "sh", "purchase_id": purchase_id, "venue_id": "ve"}
        batch.put(PURCHASES, purchase_id, purchase)
    return batch


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("period", [(None, None), (2, None), (None, 4), (2, 4)])
def test_the_pages_are_the_whole(limit: int, period: tuple[int | None, int | None]) -> None:
    """Each page has the opening and closing balances of the period; their lines follow each other without a gap."""
    whole = statement(*period)
    since, until = (datetime(2026, 1, day, tzinfo=UTC) if day else None for day in period)
    pages = [venue_statement(documents(), "ve", StatementQuery(since, until, limit))]
    while (cursor := pages[-1]["next"]) is not None:
        assert re.fullmatch(CURSOR_PATTERN, cursor)
        after = LineCursor.parse(cursor)
        assert after.text == cursor
        pages.append(venue_statement(documents(), "ve", StatementQuery(since, until, limit, after)))
    assert [line for page in pages for line in page["lines"]] == whole["lines"]
    assert all(len(page["lines"]) == limit for page in pages[:-1])
    assert {json.dumps([page["opening"], page["closing"]]) for page in pages} == {
        json.dumps([whole["opening"], whole["closing"]])
    }
    in_csv = "".join(csv_of(COLUMNS, page["lines"], head=page is pages[0]) for page in pages)
    assert in_csv == csv_of(COLUMNS, whole["lines"], head=True)


def test_a_clock_that_is_behind_moves_no_line_into_a_closed_period() -> None:
    """The books have a line at the time of the one before it, if that is later; the balance follows the books."""
    late = entry(6, PENDING, "stripe:clearing", 100)._replace(at=datetime(2026, 1, 3, tzinfo=UTC))
    found = booked([*ENTRIES, late], {}, None)
    assert [one.booked_at.day for one in found] == [1, 2, 3, 4, 4, 4]
    assert (found[-1].entry.at.day, found[-1].debit_balance, found[-1].credit_balance) == (3, 500, -550)
    continued = booked([late], {(PENDING, "eur"): 600, ("stripe:clearing", "eur"): -650}, found[-2].booked_at)
    assert (continued[0].booked_at.day, continued[0].debit_balance) == (4, 500)


def test_a_line_says_what_it_moved_what_is_there_after_it_and_where_to_look() -> None:
    """Only the venue's own accounts are included; a debit is a negative amount."""
    lines = statement()["lines"]
    moved = [(line["account"], line["amount_minor"], line["balance_minor"], line["currency"]) for line in lines]
    assert moved == [
        ("pending", 1000, 1000, "eur"),
        ("pending", 300, 300, "jpy"),
        ("pending", -400, 600, "eur"),
        ("available", 400, 400, "eur"),
    ]
    assert (lines[0]["charge_id"], lines[0]["mint_addresses"]) == ("ch_1", ["MintA", "MintB"])
    assert (lines[1]["charge_id"], lines[1]["mint_addresses"]) == (None, [])


@pytest.mark.parametrize(("first", "last"), [(None, None), (1, 4), (3, 4), (4, None), (5, None), (None, 1)])
def test_opening_and_lines_are_closing(first: int | None, last: int | None) -> None:
    """The period includes its first moment and excludes its last one."""
    found = statement(first, last)
    sums = {(one["account"], one["currency"]): one["balance_minor"] for one in found["opening"]}
    for line in found["lines"]:
        sums[line["account"], line["currency"]] += line["amount_minor"]
    assert sums == {(one["account"], one["currency"]): one["balance_minor"] for one in found["closing"]}
    days = [datetime.fromisoformat(line["at"]).day for line in found["lines"]]
    assert all((first or 1) <= day < (last or 32) for day in days)


def test_statements_of_neighbouring_periods_fit() -> None:
    """The opening balances of a period are the closing balances of the one before."""
    before, after = statement(None, 4), statement(4, None)
    closed = {(one["account"], one["currency"]): one["balance_minor"] for one in before["closing"]}
    opened = {(one["account"], one["currency"]): one["balance_minor"] for one in after["opening"]}
    assert {name: opened[name] for name in closed} == closed
    assert [*before["lines"], *after["lines"]] == statement()["lines"]


def test_csv_has_the_same_lines() -> None:
    """The CSV can be read back; several addresses are separated by spaces."""
    read = list(csv.DictReader(io.StringIO(csv_of(COLUMNS, statement()["lines"], head=True))))
    assert [int(row["amount_minor"]) for row in read] == [1000, 300, -400, 400]
    assert read[0]["mint_addresses"] == "MintA MintB"
    assert read[1]["charge_id"] == ""


def test_a_balance_is_split_by_where_the_money_is() -> None:
    """Balances are split per currency; other venues' accounts are ignored."""
    sums = {(PENDING, "eur"): 600, (AVAILABLE, "eur"): 400, (PENDING, "jpy"): -300, ("venue:other:payable", "usd"): 1}
    nothing = {"reserved_minor": 0, "paid_out_minor": 0}
    assert balance_of(sums, "ve") == [
        {"currency": "eur", "pending_minor": 600, "available_minor": 400, **nothing},
        {"currency": "jpy", "pending_minor": -300, "available_minor": 0, **nothing},
    ]
