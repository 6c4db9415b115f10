"""Amounts that people read have their currency: commands, pages, letters and timelines format them in one way."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ_BY_PEOPLE = ("cli", "api", "adapters", "workflows")
FORMATTED = re.compile(r"\|\s*(money|amount)\(")
OUTPUT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def is_minor(node: ast.AST) -> bool:
    """Return whether an expression is an amount in minor units, by the name that it ends with."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            return name.endswith("_minor")
        case ast.Subscript(slice=key):
            return is_minor(key)
        case ast.JoinedStr(values=[*_, last]) | ast.BinOp(right=last):
            return is_minor(last)
    return False


def bare_in_code(source: str) -> Iterator[int]:
    """Yield the lines that make text of an amount without its currency."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=parts):
                yield from (p.lineno for p in parts if isinstance(p, ast.FormattedValue) and is_minor(p.value))
            case ast.Call(func=ast.Name(id="str"), args=[value]) if is_minor(value):
                yield node.lineno


def bare_in_page(source: str) -> Iterator[int]:
    """Yield the lines of a template that print an amount without a formatter."""
    for found in OUTPUT.finditer(source):
        if "_minor" in found[1] and not FORMATTED.search(found[1]):
            yield source.count("\n", 0, found.start()) + 1


def test_every_amount_has_its_currency() -> None:
    """A number of minor units tells nobody whether it is 45 euros or 4,500 yen."""
    files = [path for room in READ_BY_PEOPLE for path in (ROOT / room).rglob("*") if path.suffix in {".py", ".html"}]
    looks = {".py": bare_in_code, ".html": bare_in_page}
    assert {path.suffix for path in files} == looks.keys()
    bare = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in looks[path.suffix](path.read_text())]
    assert bare == [], "format them with domain.money.currency.money, or the filters `money` and `amount`"


def test_a_bare_amount_is_found() -> None:
    """In an f-string, as text, by a computed key, and in a page; not once it is formatted."""
    bare = (
        'f"{one.amount_minor}"',
        "str(total_minor)",
        """f"{price['fee_minor']}\"""",
        """f"{price[f'{a}_minor']}\"""",
    )
    for bad in bare:
        assert list(bare_in_code(bad)) == [1], bad
    assert list(bare_in_code('f"{money(one.amount_minor, one.currency)} {name}"')) == []
    assert list(bare_in_page("<b>\n{{ one.total_minor }}</b>")) == [2]
    assert list(bare_in_page("{{ one.total_minor | money(one.currency) }}")) == []
