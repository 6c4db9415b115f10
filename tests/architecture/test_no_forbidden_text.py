"""No tracked file names a package registry or a path of one machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Joined from pieces, so that this file does not contain what it forbids.
REGISTRY_HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("gcr", "io"),
    )
]
MACHINE_FOLDERS = ["/" + name + "/" for name in ("work", "root", "home", "Users")]
HOST = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, REGISTRY_HOSTS)) + r")(?![\w-])", re.IGNORECASE)
FOLDER = re.compile(r"(?<![\w.})\]-])(?:" + "|".join(map(re.escape, MACHINE_FOLDERS)) + ")")


def tracked() -> list[Path]:
    """List the files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def places(pattern: re.Pattern[str], words: list[str]) -> list[str]:
    """Return the places of a pattern of some words in tracked files."""
    found = []
    for path in tracked():
        text = path.read_text(errors="replace")
        if any(word.casefold() in text.casefold() for word in words):  # the pattern is tried at each character
            for number, line in enumerate(text.splitlines(), 1):
                if match := pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number} {match.group()}")
    return found


def test_no_file_names_a_registry() -> None:
    """The machine that installs packages chooses their registry."""
    assert len(tracked()) > 100
    assert places(HOST, REGISTRY_HOSTS) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    """No tracked file contains an absolute path of one machine."""
    assert places(FOLDER, MACHINE_FOLDERS) == []


@pytest.mark.parametrize("host", REGISTRY_HOSTS)
def test_a_registry_would_be_found(host: str) -> None:
    """Each host is found in an address and in an image's name, and not as a part of another name."""
    assert HOST.search(f"see https://{host}/simple")
    assert HOST.search(f"image: {host}/library/postgres")
    assert not HOST.search(f"my-{host}n")


@pytest.mark.parametrize("folder", MACHINE_FOLDERS)
def test_a_folder_would_be_found(folder: str) -> None:
    """Each folder is found at the start of a path, and not in the middle of one."""
    assert FOLDER.search(f'path = "{folder}x"')
    assert not FOLDER.search(f"a/b{folder}x")
