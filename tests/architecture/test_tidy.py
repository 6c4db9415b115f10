"""Modules and functions are small, have docstrings, and have meaningful names."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
POSITIONAL_MAX = 6
FORBIDDEN_WORDS = {"manager", "managers", "service", "services", "helper", "helpers", "util", "utils"}
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Module:
    """A tracked Python file."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")


Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> list[Module]:
    """Read every Python file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]
    return [Module(path, (ROOT / path).read_text()) for path in paths]


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement, at any depth; a tenth of what `ast.walk` yields."""
    yield tree
    for block in BLOCKS:
        for inside in getattr(tree, block, ()):
            yield from statements(inside)


def functions(module: Module) -> Iterator[Function]:
    """Yield every function of a module, at any depth."""
    yield from (node for node in statements(module.tree) if isinstance(node, Function))


def classes(module: Module) -> Iterator[ast.ClassDef]:
    """Yield every class of a module, at any depth."""
    yield from (node for node in statements(module.tree) if isinstance(node, ast.ClassDef))


def long_modules(module: Module) -> Iterator[str]:
    """Report a module with too many lines."""
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{module.path}: {lines} lines"


def long_functions(module: Module) -> Iterator[str]:
    """Report functions with too many lines, from the name to the last one."""
    for function in functions(module):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{module.path}:{function.lineno} {function.name}: {lines} lines"


def many_parameters(module: Module) -> Iterator[str]:
    """Report functions with too many positional parameters.

    Commands (public functions at the top level of a module in `cli/`) are exempt: Typer reads their options from them.
    """
    commands = module.tree.body if module.path.startswith("cli/") else []
    for function in functions(module):
        if function in commands and not function.name.startswith("_"):
            continue
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > POSITIONAL_MAX:
            yield f"{module.path}:{function.lineno} {function.name}: {count} positional parameters"


def unexplained(module: Module) -> Iterator[str]:
    """Report the module or classes without a docstring."""
    if module.is_test:
        return
    if not ast.get_docstring(module.tree):
        yield module.path
    yield from (f"{module.path}:{node.lineno} {node.name}" for node in classes(module) if not ast.get_docstring(node))


def empty_names(module: Module) -> Iterator[str]:
    """Report modules and classes with a meaningless name."""
    for name in (*Path(module.path).with_suffix("").parts, *(node.name for node in classes(module))):
        if FORBIDDEN_WORDS & {word.lower() for word in WORD.findall(name)}:
            yield f"{module.path}: {name}"


def unfinished(module: Module) -> Iterator[str]:
    """Report lines that postpone work."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{module.path}:{number} {line.strip()}"


Rule = Callable[[Module], Iterator[str]]
RULES: list[Rule] = [long_modules, long_functions, many_parameters, unexplained, empty_names, unfinished]
WORSE: dict[Rule, tuple[str, str]] = {
    long_modules: ("x.py", "\n" * 401),
    long_functions: ("x.py", "def f():\n" + "    1\n" * 50),
    many_parameters: ("x.py", "class A:\n    async def f(self, a, b, c, d, e, f, g): ..."),
    unexplained: ("x.py", '"""A module."""\nclass A: ...'),
    empty_names: ("tests/x.py", "class HTTPHelper: ..."),
    unfinished: ("tests/x.py", "# TO" + "DO: later"),
}


@pytest.mark.parametrize("rule", RULES)
def test_no_module_breaks_the_rule(rule: Rule) -> None:
    """Every tracked Python file follows it, tests too."""
    assert len(modules()) > 100
    assert [trouble for module in modules() for trouble in rule(module)] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_fail(rule: Rule) -> None:
    """A bad example of each rule is reported."""
    path, text = WORSE[rule]
    assert len(list(rule(Module(path, text)))) == 1


def test_the_limits_are_inclusive() -> None:
    """The maximum passes, `self` does not count, and a part of a word does not match."""
    text = "class Contextmanager:\n    def f(self, a, b, c, d, e, f):\n" + "        1\n" * 49
    module = Module("tests/utilities.py", text + "\n" * (400 - 51))
    assert [trouble for rule in RULES for trouble in rule(module)] == []
