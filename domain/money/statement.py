"""Statement: what happened on a venue's accounts between two moments, line by line, as a venue's bookkeeper reads it.

It is computed from postings alone, wherever they come from: the read models show it, and the events prove it.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.money.books import VENUE_ACCOUNTS, venue_account

COLUMNS = (
    "at", "kind", "account", "amount_minor", "balance_minor", "currency", "purchase_id", "charge_id",
    "mint_addresses", "key", "position",
)  # fmt: skip


class Entry(NamedTuple):
    """One posting of the books, and where it stands in them."""

    position: int
    number: int
    key: str
    purchase_id: str
    kind: str
    at: datetime
    debit: str
    credit: str
    amount: int
    unit: str


class Links(NamedTuple):
    """What a purchase's lines lead to: Stripe's charge, and the tickets' addresses on chain."""

    charge_id: str | None
    mint_addresses: tuple[str, ...]


NOWHERE = Links(None, ())


def lines_of(venue_id: str, entries: Iterable[Entry], links: Mapping[str, Links]) -> list[dict[str, Any]]:
    """Return a venue's lines in the order of the books, each with its account's balance after it.

    `entries` begin with the first posting that there is: a balance is the sum of everything before.
    """
    names = {venue_account(venue_id, name): name for name in VENUE_ACCOUNTS}
    running: Counter[tuple[str, str]] = Counter()
    lines = []
    for entry in entries:
        for account, amount in ((entry.credit, entry.amount), (entry.debit, -entry.amount)):
            if account in names:
                running[account, entry.unit] += amount
                balance = running[account, entry.unit]
                lines.append(_line(names[account], amount, balance, entry, links.get(entry.purchase_id, NOWHERE)))
    return lines


def _line(name: str, amount: int, balance: int, entry: Entry, link: Links) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "account": name,
        "amount_minor": amount,
        "balance_minor": balance,
        "currency": entry.unit,
        "purchase_id": entry.purchase_id or None,
        "charge_id": link.charge_id,
        "mint_addresses": list(link.mint_addresses),
        "key": entry.key,
        "position": entry.position,
    }


def statement_of(
    venue_id: str, lines: Iterable[Mapping[str, Any]], since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    """Return the statement of [since, until): opening and closing balance per account and currency, and its lines."""
    opening: Counter[tuple[str, str]] = Counter()
    closing: Counter[tuple[str, str]] = Counter()
    within = []
    for line in lines:
        at, name = datetime.fromisoformat(line["at"]), (line["account"], line["currency"])
        if until is not None and at >= until:
            continue
        closing[name] += line["amount_minor"]
        if since is not None and at < since:
            opening[name] += line["amount_minor"]
        else:
            within.append(line)
    return {
        "venue_id": venue_id,
        "from": since and since.isoformat(),
        "to": until and until.isoformat(),
        "opening": _sums(opening, closing),
        "lines": within,
        "closing": _sums(closing, closing),
    }


def _sums(sums: Counter[tuple[str, str]], named: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"account": account, "currency": unit, "balance_minor": sums[account, unit]} for account, unit in sorted(named)
    ]


def csv_of(statement: Mapping[str, Any]) -> str:
    """Write a statement's lines as CSV (RFC 4180); several addresses are parted by spaces."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for line in statement["lines"]:
        writer.writerow({**line, "mint_addresses": " ".join(line["mint_addresses"])})
    return out.getvalue()


def balance_of(sums: Mapping[tuple[str, str], int], venue_id: str) -> list[dict[str, Any]]:
    """Split what is a venue's per currency: with us, in its Stripe account, held back, and paid out to its bank.

    `pending` below nothing is what the venue owes us: it is netted against its next sales.
    """
    accounts = {name: venue_account(venue_id, name) for name in VENUE_ACCOUNTS}
    units = sorted({unit for account, unit in sums if account in accounts.values()})
    return [
        {"currency": unit, **{f"{name}_minor": sums.get((account, unit), 0) for name, account in accounts.items()}}
        for unit in units
    ]
