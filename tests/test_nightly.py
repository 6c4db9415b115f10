"""The night's page: what was seen is kept, a part that is run again replaces its row."""

from datetime import date
from pathlib import Path

from tests.nightly import Done, Step, page_of, row_of, rows_on, steps_of

DAY = date(2026, 11, 23)
GOOD = Done(Step("mutants", ("make", "mutants")), 0, 60, "85 of 85 | caught")
BAD = Done(Step("matrix", ("make", "matrix")), 2, 600, "make: *** Error")


def test_a_page_is_read_back() -> None:
    """A night that was cut off goes on with the rows that it has, each of its own revision."""
    rows = {"mutants": row_of(GOOD, "abc"), "matrix": row_of(BAD, "abd")}
    page = page_of(DAY, rows)
    assert rows_on(page) == rows
    assert "1 of 2 parts failed" in page
    assert "| mutants | abc |" in page
    assert "85 of 85 / caught" in page


def test_a_part_that_passed_at_last_is_no_failure() -> None:
    """The row that is replaced no longer counts."""
    again = Done(BAD.step, 0, 60, "481 cells, 0 red")
    page = page_of(DAY, rows_on(page_of(DAY, {"matrix": row_of(BAD, "abc")})) | {"matrix": row_of(again, "abd")})
    assert "All 1 parts passed" in page


def test_every_switch_of_a_contract_test_is_set_by_the_night() -> None:
    """A suite that installs other people's programs is skipped without its variable: the night runs each."""
    asked = {
        line.split('"')[1]
        for path in (Path(__file__).parent / "contract").glob("test_*.py")
        for line in path.read_text().splitlines()
        if " not in os.environ" in line
    }
    assert {"READERS", "PINNING"} <= asked
    assert asked <= {name for step in steps_of(DAY, 0, 0) for name, _ in step.env}
