"""Links of the docs lead to files, and each name in `docs/purchase-in-the-code.md` is defined in its file."""

import ast
import re
from pathlib import Path

import pytest

from activities.registry import declared_activities
from cli.checks.audit.steps import steps_of
from workflows import purchase

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "purchase-in-the-code.md").read_text()
ROW = re.compile(r"^\| \[([^\]]+)\]\((\S+)\) \| ([^|]+) \|", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
NAME = re.compile(r"`(\w+)`")
FILES = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|txt|yml|json|toml))`(?! \(new\))")


def defined(text: str) -> set[str]:
    """Return the functions, classes and constants that a module defines, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def missing(row: tuple[str, str, str]) -> list[str]:
    """Return the names of a row that its file does not define; the file's own name if it does not exist."""
    shown, target, names = row
    file = (DOCS / target).resolve()
    if not file.is_file() or file != ROOT / shown:
        return [target]
    return [name for name in NAME.findall(names) if name not in defined(file.read_text())]


@pytest.mark.parametrize("row", ROW.findall(PAGE), ids=lambda row: f"{row[0]} {row[2]}")
def test_a_file_defines_the_names_of_its_row(row: tuple[str, str, str]) -> None:
    """A renamed function or a moved file fails."""
    assert NAME.findall(row[2])
    assert missing(row) == []


def unnamed(page: str) -> set[str]:
    """Return the steps of a purchase that no row of a page names."""
    named = {name for _, _, names in ROW.findall(page) for name in NAME.findall(names)}
    return {step.activity for step in steps_of(purchase, declared_activities())} - named


def test_every_step_of_a_purchase_has_its_row() -> None:
    """A new step needs a row; one that is taken out of the page is found."""
    assert unnamed(PAGE) == set(), "add a row for each to docs/purchase-in-the-code.md"
    assert unnamed(PAGE.replace("`settle_sale`", "")) == {"settle_sale"}


def test_a_wrong_name_and_a_wrong_file_are_found() -> None:
    """A row of either kind has a fault."""
    assert missing(("worker.py", "../worker.py", "`main`, `no_such_name`")) == ["no_such_name"]
    assert missing(("gone.py", "../gone.py", "`main`")) == ["../gone.py"]


def dead(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    return [f"{page.relative_to(page.parents[1])}: {one}" for one in targets if not (page.parent / one).exists()]


def test_links_between_files_lead_somewhere(tmp_path: Path) -> None:
    """Every relative link of a page names a file or folder of the project."""
    (tmp_path / "page.md").write_text("[gone](gone.md) [itself](page.md#part)")
    assert [fault.partition(": ")[2] for fault in dead(tmp_path / "page.md")] == ["gone.md"]
    assert [fault for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")] for fault in dead(page)] == []


def test_files_that_a_page_names_exist() -> None:
    """A path in code marks is a file of the project, unless it is marked as new."""
    pages = [page for page in [*ROOT.glob("*.md"), *DOCS.glob("*.md")] if page.name != "CHANGELOG.md"]  # a history
    named = [(page.name, name) for page in pages for name in FILES.findall(page.read_text())]
    assert len(named) > len(pages)
    assert [f"{page}: {name}" for page, name in named if not (ROOT / name).exists()] == []
