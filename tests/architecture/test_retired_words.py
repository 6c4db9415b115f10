"""No retired word is used in code, tests or docs, except in the table of decision 0023, which lists them."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORD = Path("docs/decisions/0023-retired-words.md")
NOT_OURS = ("tests/replay/histories/", "LICENSE")  # recorded data, and a text of others
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
ROW = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)


def retired(page: str) -> set[str]:
    """Return the words in code marks of the first column of the record's table."""
    return {word for cell in ROW.findall(page) for word in re.findall(r"`(\w+)`", cell)}


def found(path: str, text: str, words: set[str]) -> list[str]:
    """Return the places of retired words, as whole words or parts of names, in a file's path and text."""
    lower = text.lower()
    # Most files have none of them anywhere, and are not taken apart.
    lines = [(0, path), *(enumerate(text.splitlines(), 1) if any(word in lower for word in words) else ())]
    return [
        f"{path}:{number} {word}"
        for number, line in lines
        for word in {part.lower() for part in WORD.findall(line)} & words
    ]


def text_of(path: Path) -> str:
    """Return a file's text; that of a picture or another file of bytes is empty, as git tells them: by a zero byte."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode()


WORDS = retired((ROOT / RECORD).read_text())


def tracked() -> list[str]:
    """List every file that git tracks, without recorded data and without the record itself."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]
    return [path for path in paths if path != str(RECORD) and not path.startswith(NOT_OURS)]


def test_no_retired_word_is_used() -> None:
    """Each place is reported with its line."""
    assert len(WORDS) > 15
    places = [place for path in tracked() for place in found(path, text_of(ROOT / path), WORDS)]
    assert places == []


@pytest.mark.parametrize("text", ["class OldChair: ...", "old_chair = 1", "a chair here", "OLD_CHAIR"])
def test_a_retired_word_is_found_in_any_spelling(text: str) -> None:
    """As a word, in a class, in a function and in a constant."""
    assert found("x.py", text, {"chair"}) == ["x.py:1 chair"]
    assert found("x.py", "chairlift", {"chair"}) == []


def test_bytes_are_no_text(tmp_path: Path) -> None:
    """A picture may have any bytes, and letters of a word among them; text with a retired word is read."""
    picture, page = tmp_path / "picture.png", tmp_path / "page.md"
    picture.write_bytes(b"\x89PNG\0 chair")
    page.write_text("a chair")
    assert [found("x", text_of(path), {"chair"}) for path in (picture, page)] == [[], ["x:1 chair"]]
