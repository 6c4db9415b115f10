"""The night's page: what was seen is kept, a part that is run again replaces its row."""

from datetime import date

from tests.nightly import Done, Step, page_of, row_of, rows_on

DAY = date(2026, 11, 23)
GOOD = Done(Step("teeth", ("make", "teeth")), 0, 60, "85 of 85 | caught")
BAD = Done(Step("matrix", ("make", "matrix")), 2, 600, "make: *** Error")


def test_a_page_is_read_back() -> None:
    """A night that was cut off goes on with the rows that it has."""
    rows = {"teeth": row_of(GOOD), "matrix": row_of(BAD)}
    page = page_of(DAY, "abc", rows)
    assert rows_on(page, "abc") == rows
    assert "1 of 2 parts failed" in page
    assert "85 of 85 / caught" in page


def test_another_revision_begins_anew() -> None:
    """Rows of other code prove nothing about this one."""
    assert rows_on(page_of(DAY, "abc", {"teeth": row_of(GOOD)}), "abd") == {}


def test_a_part_that_passed_at_last_is_no_failure() -> None:
    """The row that is replaced no longer counts."""
    again = Done(BAD.step, 0, 60, "481 cells, 0 red")
    page = page_of(DAY, "abc", {"matrix": row_of(BAD)} | {"matrix": row_of(again)})
    assert "all 1 parts passed" in page
