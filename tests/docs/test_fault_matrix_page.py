"""The page of the matrix matches the current list of cells, and a cell without a result is red."""

import json
from pathlib import Path

from tests.matrix.cells import UNREACHABLE, Cell, cells, registered
from tests.matrix.every_scene import SCENES
from tests.matrix.scenes import SALE
from tests.matrix.write import DOC, HEAD, document, found_in, found_on

ROOT = Path(__file__).parents[2]
AGAIN = "docs/fault-matrix.md is of other cells; run `make matrix`"
ALL = cells([scene.row for scene in SCENES], registered())
JUDGED = [cell for cell in ALL if cell.impossible is None]


def page(judged: list[Cell]) -> str:
    return document(found_in([[*cell, "F", "fulfilled"] for cell in judged]))


def test_the_page_in_docs_is_of_this_list_and_has_no_red_cell() -> None:
    """A new activity, scene or fault needs another `make matrix`."""
    text = DOC.read_text()
    assert text.startswith(HEAD)
    assert f"\n{len(JUDGED)} cells judged, 0 red;" in text, AGAIN
    assert "**red** |" not in text, AGAIN


def test_a_page_is_read_back_as_it_was_written() -> None:
    """So that the cells of a new scene can be added to it."""
    text = DOC.read_text()
    assert document(found_on(text)) == text, AGAIN


def test_every_activity_has_a_scene() -> None:
    """An activity that no scene in `tests/matrix/` reaches is named; all its cells would be red."""
    unreached = {cell.activity for cell in ALL if cell.scene == UNREACHABLE}
    assert unreached == set(), "add each to the scenes that reach it, in tests/matrix/scenes.py"


def test_the_budget_of_a_sale_has_every_step() -> None:
    """A step that is added to a sale costs something: its budget, which only the real stack measures, names it."""
    budget = json.loads((ROOT / "tests/real/budget.json").read_text())
    assert set(budget["fulfilled"]["steps"]) ^ set(SALE) == set(), (
        "tests/real/budget.json is of other steps; run `UPDATE_BUDGET=1 python -m pytest tests/real/test_budget.py`"
    )


def test_a_cell_that_did_not_run_is_red() -> None:
    """The page counts and shows it; an impossible cell is not red."""
    assert f"{len(JUDGED)} cells judged, 0 red;" in page(JUDGED)
    missing = page(JUDGED[1:])
    assert f"{len(JUDGED)} cells judged, 1 red;" in missing
    assert missing.count("**red** |") == 1


def test_every_crash_of_a_step_of_a_sale_ran_on_the_real_stack() -> None:
    """The crash columns contain R for every registered activity in at least one scene."""
    rows = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    crashed = {row.split("`")[1] for row in rows if all("R" in cell for cell in row.split("|")[2:4])}
    assert set(registered()) - crashed == set(), AGAIN
