"""Steps are the one way that tables are made, and each lets the build before it go on."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.database.migrate import FOLDER, head
from tests.architecture.test_architecture_page import ROOT, tracked

STEPS = sorted((FOLDER / "versions").glob("v*.py"))
SHIPPED = (
    "activities/",
    "adapters/",
    "api/",
    "cli/",
    "domain/",
    "relay/",
    "settings/",
    "workflows/",
    "projector",
    "worker",
)
MAKES = re.compile(
    r"\b(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+|UNIQUE\s+)*(?:TABLE|INDEX|FUNCTION|VIEW|TYPE|SEQUENCE)"
    r"|ADD\s+COLUMN)\b(?:\s+CONCURRENTLY)?(?:\s+IF\s+NOT\s+EXISTS)?\s*(\S*)"
)
# Other builds still read and write what these would take from them, or would wait for as long as they take.
STOPS = re.compile(
    r"\b(?:DROP|RENAME|TRUNCATE|SET\s+NOT\s+NULL|ALTER\s+COLUMN|ADD\s+CONSTRAINT|VACUUM|CLUSTER|REINDEX)\b"
    r"|\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?\w+\s+\w+\s+NOT\s+NULL(?!\s+DEFAULT)"
)
TABLE_MADE = re.compile(r"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+IF\s+NOT\s+EXISTS\s+(\w+)")
INDEX_MADE = re.compile(r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(CONCURRENTLY\s+)?IF\s+NOT\s+EXISTS\s+\w+\s+ON\s+(\w+)")


def texts_of(source: str) -> list[str]:
    """Return the texts in a module, without its docstrings."""
    tree = ast.parse(source)
    said = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in constants if id(node) not in said]


def made_in(source: str) -> set[str]:
    """Return what a module makes in a database, by name; most have neither word, and are not parsed."""
    if "CREATE" not in source and "COLUMN" not in source:
        return set()
    return {found[1].strip('"') for text in texts_of(source) for found in MAKES.finditer(text)}


def faults_of(source: str) -> list[str]:
    """Return what in a step would stop, or wait for, the build before it."""
    texts = texts_of(source)
    new = {name for text in texts for name in TABLE_MADE.findall(text)}
    found = [f"only add, and with a default: {stop[0]}" for text in texts if (stop := STOPS.search(text))]
    return found + [
        f"an index on {table}, which has rows, is made CONCURRENTLY"
        for text in texts
        for concurrently, table in INDEX_MADE.findall(text)
        if not concurrently and table not in new
    ]


def test_only_steps_make_tables() -> None:
    """Nothing else in the product does, but the read models, which are made from the events at any time."""
    outside = {
        path: names
        for path in tracked()
        if path.startswith(SHIPPED) and path.endswith(".py") and "migrations" not in path
        if (names := {name for name in made_in((ROOT / path).read_text()) if not name.startswith(("rm_", "{"))})
    }
    assert outside == {}, "a table is a step: docs/how-to.md, Add a table or a column"


def test_what_a_module_makes_is_found() -> None:
    """In any writing; the docstring makes nothing."""
    source = (
        '"""CREATE TABLE said"""\nA = SQL("CREATE UNLOGGED TABLE IF NOT EXISTS a (x int)")\nB = """ADD COLUMN b int"""'
    )
    assert made_in(source) == {"a", "b"}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_a_step_only_adds(step: Path) -> None:
    """The build before goes on meanwhile, and after it."""
    assert faults_of(step.read_text()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE buyers",
        "ALTER TABLE buyers RENAME name TO full_name",
        "ALTER TABLE buyers ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE buyers ADD COLUMN IF NOT EXISTS age int NOT NULL",
        "CREATE INDEX IF NOT EXISTS buyers_age ON buyers (age)",
    ],
)
def test_a_step_that_would_stop_the_build_before_is_found(statement: str) -> None:
    """Each kind of it."""
    assert len(faults_of(f"STATEMENTS = ({statement!r},)")) == 1


def test_steps_are_numbered_in_order() -> None:
    """A step's number is its file's, and it follows the one before it: two that were written at once are seen."""
    numbers = [step.name[1:5] for step in STEPS]
    assert numbers == [f"{number:04}" for number in range(1, len(STEPS) + 1)]
    for number, before, step in zip(numbers, [None, *numbers], STEPS, strict=False):
        texts = {name: value for name, value in assigned(step.read_text()).items() if name.endswith("revision")}
        assert texts == {"revision": number, "down_revision": before}, step.name


def assigned(source: str) -> dict[str, object]:
    """Return the names of a module that are given a constant."""
    return {
        target.id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_the_newest_step_is_known_without_alembic() -> None:
    """By its file's name, as alembic finds it; so a process that has no step to run does not import it."""
    from alembic.script import ScriptDirectory  # with SQLAlchemy: half a second for each worker that runs no such test

    assert head() == ScriptDirectory(str(FOLDER)).get_current_head()
    asked = "import sys, projector; print(sorted({'alembic', 'sqlalchemy'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
