"""Every name that callers and operators may use and that no release had yet is in CHANGELOG.md.

`released_names.txt` has the names of the last release. At a release, after the version is changed,
`python -m tests.docs.test_changelog` writes it anew.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from api.http.problems import PROBLEM_TYPES
from cli.main import app
from domain.views.outgoing.data import MODELS
from settings import setting_names
from tests.architecture.test_persisted_names import routes

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("released_names.txt")
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
HEADER = "# Names of release {}: newer ones must be in CHANGELOG.md. Written at a release.\n"
PARAMETER = re.compile(r"\{[a-z_]+\}")


def commands(group: Any, name: str = "boxoffice") -> Iterator[str]:
    """Yield every command with its groups."""
    for own, command in getattr(group, "commands", {}).items():
        yield f"{name} {own}"
        yield from commands(command, f"{name} {own}")


def names() -> list[str]:
    """List every public name, each with its sort, in order."""
    found = {("route", PARAMETER.sub("{}", route)) for route in routes()}
    found |= {("outgoing-event", name) for name, _ in MODELS}
    found |= {("problem", code) for code in PROBLEM_TYPES}
    found |= {("setting", name) for name, *_ in setting_names()}
    found |= {("command", name) for name in commands(typer.main.get_command(app))}
    return [f"{sort} {name}" for sort, name in sorted(found)]


def released() -> tuple[str, list[str]]:
    """Return the first line of the list, which has its release, and the names."""
    header, *listed = FILE.read_text().splitlines()
    return header, listed


def untold(now: Iterable[str], before: Iterable[str], changelog: str) -> list[str]:
    """Return new names that stand nowhere in the changelog, as a whole word; a path may name its parameters."""
    text = PARAMETER.sub("{}", " ".join(changelog.split()))
    new = sorted(set(now) - set(before))
    return [one for one in new if not re.search(rf"(?<![\w-]){re.escape(one.partition(' ')[2])}(?![\w/-])", text)]


def test_a_new_name_is_in_the_changelog() -> None:
    """A route with its method: `GET /api/v1/shows/{id}`."""
    assert untold(names(), released()[1], (ROOT / "CHANGELOG.md").read_text()) == []


def test_the_list_is_of_the_last_release() -> None:
    """A release writes it anew, and its names are those of every sort."""
    header, listed = released()
    assert f"{header}\n" == HEADER.format(VERSION), "a new version: run `python -m tests.docs.test_changelog`"
    sorts = {"command", "outgoing-event", "problem", "route", "setting"}
    assert {line.partition(" ")[0] for line in listed} == {line.partition(" ")[0] for line in names()} == sorts


def test_a_name_is_found_as_a_whole_word() -> None:
    """The name of a longer one does not count, nor one that was released."""
    text = "- `GET /api/v1/shows/{id}/doors`, and\n  `boxoffice door-list` (`door-shut`).\n"
    new = [
        "route GET /api/v1/shows/{}/doors",
        "route GET /api/v1/shows/{}",
        "command boxoffice door",
        "problem door-shut",
    ]
    assert untold(new, ["command boxoffice door"], text) == ["route GET /api/v1/shows/{}"]
    assert untold(new, [], text) == ["command boxoffice door", "route GET /api/v1/shows/{}"]


if __name__ == "__main__":
    if FILE.exists() and f"{released()[0]}\n" == HEADER.format(VERSION):
        raise SystemExit(f"{FILE.name} is of {VERSION}: change the version first")
    FILE.write_text(HEADER.format(VERSION) + "".join(f"{name}\n" for name in names()))
