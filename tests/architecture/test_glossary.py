"""Each domain word in a class name of `domain/` has a row in `docs/glossary.md`."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text()
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
EVENTS = {"DomainEvent", "CreatedEvent"}
# Ordinary English, the same in any program.
EVERYDAY = {
    "amount", "back", "by", "change", "count", "document", "due", "error", "external", "field", "finding", "history",
    "key", "link", "of", "owner", "paid", "progress", "query", "rate", "recipient", "request", "spec", "state",
    "status", "stripe", "sum", "summary", "term", "type",
}  # fmt: skip


def rows(page: str) -> set[str]:
    """Return the words of the first column, in the singular."""
    cells = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    return {singular(word.lower()) for cell in cells for word in WORD.findall(cell)}


def singular(word: str) -> str:
    """Return a word without a plural's s."""
    return word if word.endswith("ss") else word.removesuffix("s")


def words(tree: ast.Module) -> set[str]:
    """Return the words of a module's class names: for an event, or its data, the subject, for others no participles.

    Refusals are left out: the docstring of their module explains them.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
        if "Refusal" in bases or node.name in EVENTS:
            continue
        named = [word.lower() for word in WORD.findall(node.name)]
        is_event = bool(bases & EVENTS) or any(base.endswith("Data") for base in bases)
        nouns = named[:1] if is_event else [word for word in named if not word.endswith("ed")]
        found |= {singular(word) for word in nouns}
    return found


def unexplained(page: str, used: set[str]) -> set[str]:
    """Return the words without a row that are not ordinary English."""
    return used - rows(page) - {singular(word) for word in EVERYDAY}


def test_every_domain_word_has_a_row() -> None:
    """A new aggregate or value object needs a row."""
    modules = list((ROOT / "domain").rglob("*.py"))
    used = set[str]().union(*(words(ast.parse(module.read_text())) for module in modules))
    assert len(used) > 40
    assert unexplained(PAGE, used) == set(), "explain each in docs/glossary.md"


def test_a_word_without_a_row_is_found() -> None:
    """An event gives its subject, another class its nouns."""
    tree = ast.parse(
        "class VoucherSent(DomainEvent['Voucher']): ...\n"
        "class SignedCoupon(BaseModel): ...\nclass Refused(Refusal): ..."
    )
    assert unexplained(PAGE, words(tree)) == {"voucher", "coupon"}
