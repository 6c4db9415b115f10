"""Rows as CSV (RFC 4180), as spreadsheets take them: of statements, and of every list."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes a cell that begins with one of them


def csv_of(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, head: bool) -> str:
    """Return rows as CSV, with the row of column names or without; lists are separated by spaces."""
    out = io.StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow(columns)
    writer.writerows([cell(row[name]) for name in columns] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """Return a value as a cell of CSV; a text that a spreadsheet would compute begins with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            return cell(" ".join(str(item) for item in value))
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(FORMULA) and not _is_amount(text) else text


def _is_amount(text: str) -> bool:
    """Return whether a text is an amount in decimals: a spreadsheet reads it as what it says."""
    whole, point, cents = text.removeprefix("-").partition(".")
    return whole.isdecimal() and (not point or cents.isdecimal())
