"""`docs/security.md` has a row for each of the ten risks, and every row names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
CELLS = 4
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def rows(page: str) -> list[list[str]]:
    """Return the cells of each row of the table of risks."""
    lines = re.findall(r"^\| (API\d.*) \|$", page, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def is_there(file: str, name: str) -> bool:
    """Say whether a file exists and defines a test of that name; without a name any test."""
    path = ROOT / file
    if not path.exists():
        return False
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}
    return name in tests if name else any(test.startswith("test_") for test in tests)


def test_the_rows_are_the_ten_risks() -> None:
    """Each risk has one whole row, in order."""
    assert [cells[0].split()[0] for cells in rows(PAGE)] == [f"API{number}" for number in range(1, 11)]
    assert all(len(cells) == CELLS and all(cells) for cells in rows(PAGE))


@pytest.mark.parametrize("row", rows(PAGE), ids=lambda cells: cells[0].split()[0])
def test_a_row_names_tests_and_nothing_else(row: list[str]) -> None:
    """The third cell is a list of tests; no row is without one."""
    assert TEST.findall(row[2])
    assert re.sub(r"[`,\s]", "", TEST.sub("", row[2])) == ""


@pytest.mark.parametrize(("file", "name"), sorted({found for cells in rows(PAGE) for found in TEST.findall(cells[2])}))
def test_a_named_test_exists(file: str, name: str) -> None:
    """Each test that the page names is defined."""
    assert is_there(file, name), f"{file}::{name}"


def test_a_test_that_does_not_exist_is_found() -> None:
    """The check can fail."""
    assert not is_there("tests/docs/test_security.py", "test_of_nothing")
    assert not is_there("tests/docs/test_of_nothing.py", "")
    assert is_there("tests/docs/test_security.py", "")
