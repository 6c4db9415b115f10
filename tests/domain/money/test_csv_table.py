"""Cells of CSV."""

import csv
import io

import pytest

from domain.money.csv_table import cell, csv_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (["a", "b"], "a b"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-12.30", "-12.30"),
        ("-1-1", "'-1-1"),
        ("-", "'-"),
        ("-.5", "'-.5"),
        ("-1.", "'-1."),
    ],
)
def test_a_cell(value: object, shown: str) -> None:
    """A text that a spreadsheet would compute is only shown; a number and an amount stay one."""
    assert cell(value) == shown


def test_rows_are_read_back() -> None:
    """By their columns, in their order, with whatever else a row has left out."""
    rows: list[dict[str, object]] = [{"b": 'say "no", twice', "a": 1, "c": 0}, {"a": None, "b": "two\nlines"}]
    text = csv_of(("a", "b"), rows[:1], head=True) + csv_of(("a", "b"), rows[1:], head=False)
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ["1", 'say "no", twice'], ["", "two\nlines"]]
