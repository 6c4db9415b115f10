"""A folder of the product is read at a glance: `ls` shows few entries, and a folder with more is an exception."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from tests.architecture.test_architecture_page import ROOT, tracked

ENTRIES_MAX = 12
EXCEPTIONS = {  # with the reason why it is not divided; may only shrink
    "api/routes": "one module per resource of the API: a reader looks for the word in the path",
}


def rooms() -> set[str]:
    """Return the packages of the product: those at the top level, without the tests."""
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}


def entries(paths: Iterable[str]) -> Counter[str]:
    """Count the entries of every folder that holds one of these files, at any depth."""
    shown = {
        (str(parent), str(entry))
        for path in map(PurePosixPath, paths)
        for entry, parent in zip((path, *path.parents), path.parents, strict=False)
    }
    return Counter(folder for folder, _ in shown)


def test_a_folder_of_the_product_has_at_most_twelve_entries() -> None:
    """Every folder below every room is counted, whatever is in it."""
    counted = entries(path for path in tracked() if path.partition("/")[0] in rooms())
    counted.pop(".")
    crowded = {folder for folder, count in counted.items() if count > ENTRIES_MAX}
    assert crowded <= EXCEPTIONS.keys(), "divide the folder by subject"
    assert crowded >= EXCEPTIONS.keys(), "an exception that is no longer needed goes"


def test_entries_are_files_and_folders() -> None:
    """A folder counts once in its parent, however many files are in it."""
    assert entries(["a/b.py", "a/c/d.py", "a/c/e.py"]) == {".": 1, "a": 2, "a/c": 2}
