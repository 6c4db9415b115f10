"""The map in `docs/architecture.md` has one line for each entry of each room, and no line for anything else."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
MAP = "## Every entry of every room"
TOP = "The top level"


def tracked() -> list[str]:
    """List the files that git tracks and that exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]


def entries(paths: list[str]) -> dict[str, set[str]]:
    """Return the entries of the top level and of each room, without `__init__.py`; folders end in a slash."""
    shown: dict[str, set[str]] = {TOP: set()}
    for path in paths:
        first, *below = path.split("/")
        if first.startswith("."):
            continue
        shown[TOP].add(f"{first}/" if below else first)
        if below and below[0] != "__init__.py":
            shown.setdefault(f"{first}/", set()).add(f"{below[0]}/" if below[1:] else below[0])
    return shown


def explained(page: str) -> dict[str, list[str]]:
    """Return the entries that the page explains, by the heading of their table."""
    section = page.partition(MAP)[2].partition("\n## ")[0]
    tables = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    return {
        heading.strip("`"): re.findall(r"^\| `([^`]+)` \| \S", table, re.MULTILINE)
        for heading, _, table in (table.partition("\n") for table in tables)
    }


ENTRIES = entries(tracked())


def test_every_room_has_a_table() -> None:
    """The headings are the top level and its folders."""
    assert sorted(explained(PAGE)) == sorted(ENTRIES)


@pytest.mark.parametrize("room", sorted(ENTRIES))
def test_the_page_explains_exactly_the_entries_of_a_room(room: str) -> None:
    """Each entry has exactly one line, and each line an entry."""
    assert sorted(explained(PAGE).get(room, [])) == sorted(ENTRIES[room])


def test_an_entry_without_a_line_and_a_line_without_an_entry_are_found() -> None:
    """The comparison is by name and by folder or file."""
    page = (
        f"{MAP}\n\n### `a/`\n\n| entry | is |\n|---|---|\n| `b.py` | one |\n| `gone/` | two |\n\n## Next\n| `c` | d |\n"
    )
    assert explained(page) == {"a/": ["b.py", "gone/"]}
    assert entries(["a/b.py", "a/__init__.py", "a/c/d.py", ".hidden"]) == {TOP: {"a/"}, "a/": {"b.py", "c/"}}
