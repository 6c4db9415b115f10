"""`boxoffice --help` is written without an import of any command, and says what each command says of itself."""

import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import ENTRIES, LazyGroup, app, loaded
from devstack.stack import ROOT

IMPORTED = """
import sys
from cli.main import app
try:
    app(["--help"])
except SystemExit:
    print("imported", *sys.modules)
"""
LAST = """
import atexit, sys
import cli.main

class Late:
    def __del__(self):
        print("torn down")

atexit.register(print, "exit hook")
late = Late()
cli.main.main()
"""
# Typer, and what it draws the help with.
DRAWING = {"typer", "rich", "pygments", "markdown_it", "mdurl", "shellingham", "annotated_doc", "typing_extensions"}
HEAVY = {"temporalio", "solders", "stripe", "fastapi", "pydantic", "psycopg", "httpx", "aiohttp"}


def test_the_help_imports_no_command() -> None:
    """Of this project only the list, of all packages only the one that draws the help."""
    ran = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    text, _, names = ran.stdout.rpartition("imported ")
    modules = names.split()
    assert "rush" in text
    assert {name for name in modules if name.startswith("cli")} == {"cli", "cli.main"}
    tops = {name.partition(".")[0].removeprefix("_") for name in modules} - {"cli"}
    assert tops & HEAVY == set()
    assert {one for one in tops if one in DRAWING} >= {"typer", "rich"}


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["nothing"], 2)])
def test_a_command_ends_without_the_interpreters_teardown(words: list[str], code: int) -> None:
    """In which a thread of Temporal's client can abort it; exit hooks run, and the exit code is the command's."""
    ran = subprocess.run([sys.executable, "-c", LAST, *words], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.endswith("exit hook\n")) == (code, True)


def test_every_line_of_the_help_is_the_commands_own() -> None:
    """The first paragraph of its docstring; of a group, its help."""
    found = {name: " ".join((loaded(name).help or "").partition("\n\n")[0].split()) for name in ENTRIES}
    assert found == {name: entry.help for name, entry in ENTRIES.items()}


def test_a_command_is_imported_when_it_runs() -> None:
    """Its own help has its options; a name that is not there is refused with those that are near."""
    done = CliRunner().invoke(app, ["seed", "--help"])
    assert (done.exit_code, "--data-dir" in done.stdout) == (0, True)
    refused = CliRunner().invoke(app, ["sed"])
    assert (refused.exit_code, "seed" in refused.stderr) == (2, True)


def test_the_commands_are_a_group_like_any_other() -> None:
    """For whoever walks them: names, commands, and no command by another name."""
    group: Any = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    assert list(group.commands) == list(ENTRIES)
    assert len(group.commands) == len(ENTRIES)
    keys: Any = group.commands["keys"]
    assert "create" in keys.commands
    with pytest.raises(KeyError):
        group.commands["nothing"]


def test_readme_names_every_command() -> None:
    """In a row of its table, alone or after a comma."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `boxoffice ")]
    named = {part.strip("` ").removeprefix("boxoffice ") for row in rows for part in row.split("|")[1].split(",")}
    assert {name for name in ENTRIES if not any(one.split(" ")[0] == name for one in named)} == set()
