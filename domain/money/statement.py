"""Statement of a venue's accounts over a period, line by line, for the venue's bookkeeper.

It is computed from postings alone, either from the read models or from the events.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.money.books import VENUE_ACCOUNTS, venue_account

COLUMNS = (
    "at", "kind", "account", "amount_minor", "balance_minor", "currency", "purchase_id", "charge_id",
    "mint_addresses", "key", "position",
)  # fmt: skip


class Entry(NamedTuple):
    """One posting of the books, and its position in them."""

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
    """References of a purchase's lines: Stripe's charge, and the tickets' addresses on chain."""

    charge_id: str | None
    mint_addresses: tuple[str, ...]


class BalanceSplit(TypedDict):
    """A venue's money in one currency: with us, in its Stripe account, held back, and paid out to its bank."""

    currency: str
    pending_minor: int
    available_minor: int
    reserved_minor: int
    paid_out_minor: int


class StatementLine(TypedDict):
    """One posting on one of a venue's accounts, with the account's balance after it."""

    at: Timestamp
    kind: str
    account: str
    amount_minor: int
    balance_minor: int
    currency: str
    purchase_id: str | None
    charge_id: str | None
    mint_addresses: list[str]
    key: str
    position: int


class StatementSum(TypedDict):
    """The balance of one of a venue's accounts in one currency."""

    account: str
    currency: str
    balance_minor: int


# `from` is a keyword of Python, so this one is declared as a call.
Statement = TypedDict(
    "Statement",
    {
        "venue_id": str,
        "from": Timestamp | None,
        "to": Timestamp | None,
        "opening": list[StatementSum],
        "lines": list[StatementLine],
        "closing": list[StatementSum],
    },
)
Statement.__doc__ = "Every line of a venue's accounts in [from, to), and the balances before and after it."

NO_LINKS = Links(None, ())


def lines_of(venue_id: str, entries: Iterable[Entry], links: Mapping[str, Links]) -> list[StatementLine]:
    """Return a venue's lines in the order of the books, each with its account's balance after it.

    `entries` must begin with the very first posting, since a balance is the sum of all postings before it.
    """
    names = {venue_account(venue_id, name): name for name in VENUE_ACCOUNTS}
    running: Counter[tuple[str, str]] = Counter()
    lines: list[StatementLine] = []
    for entry in entries:
        for account, amount in ((entry.credit, entry.amount), (entry.debit, -entry.amount)):
            if account in names:
                running[account, entry.unit] += amount
                balance = running[account, entry.unit]
                lines.append(_line(names[account], amount, balance, entry, links.get(entry.purchase_id, NO_LINKS)))
    return lines


def _line(name: str, amount: int, balance: int, entry: Entry, link: Links) -> StatementLine:
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
    venue_id: str, lines: Iterable[StatementLine], since: datetime | None, until: datetime | None
) -> Statement:
    """Return the statement of [since, until): opening and closing balance per account and currency, and its lines."""
    opening: Counter[tuple[str, str]] = Counter()
    closing: Counter[tuple[str, str]] = Counter()
    within: list[StatementLine] = []
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
        "from": since.isoformat() if since else None,
        "to": until.isoformat() if until else None,
        "opening": _sums(opening, closing),
        "lines": within,
        "closing": _sums(closing, closing),
    }


def _sums(sums: Counter[tuple[str, str]], named: Iterable[tuple[str, str]]) -> list[StatementSum]:
    return [
        {"account": account, "currency": unit, "balance_minor": sums[account, unit]} for account, unit in sorted(named)
    ]


def csv_of(statement: Statement) -> str:
    """Return a statement's lines as CSV (RFC 4180); several addresses are separated by spaces."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for line in statement["lines"]:
        writer.writerow({**line, "mint_addresses": " ".join(line["mint_addresses"])})
    return out.getvalue()


def balance_of(sums: Mapping[tuple[str, str], int], venue_id: str) -> list[BalanceSplit]:
    """Split a venue's money per currency: with us, in its Stripe account, held back, and paid out to its bank.

    A negative `pending` is a debt of the venue, deducted from its next sales.
    """
    accounts = {name: venue_account(venue_id, name) for name in VENUE_ACCOUNTS}
    units = sorted({unit for account, unit in sums if account in accounts.values()})
    return [
        {
            "currency": unit,
            "pending_minor": sums.get((accounts["pending"], unit), 0),
            "available_minor": sums.get((accounts["available"], unit), 0),
            "reserved_minor": sums.get((accounts["reserved"], unit), 0),
            "paid_out_minor": sums.get((accounts["paid_out"], unit), 0),
        }
        for unit in units
    ]
