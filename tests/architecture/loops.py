"""Finds loops: the marked bodies of loops over subjects, and every loop that awaits, in the syntax tree."""

import ast
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from activities.core.loops import loop_of
from tests.architecture.test_tidy import ROOT, modules

ROOMS = ("relay/", "workflows/", "activities/", "adapters/", "assembly/")
GATHERS = {"gather", "gather_all", "wait", "as_completed", "TaskGroup"}


def marked_bodies(room: str) -> Iterator[Callable[..., Any]]:
    """Yield every method that is the body of a loop, from the modules of a room."""
    for found in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
        for owner in vars(importlib.import_module(found.name)).values():
            if isinstance(owner, type) and owner.__module__ == found.name:
                yield from (value for value in vars(owner).values() if _is_marked(value))


def _is_marked(value: Any) -> bool:
    try:
        loop_of(value)
    except (TypeError, AttributeError):
        return False
    return True


@cache
def awaiting_loops() -> frozenset[str]:
    """Return `file: function` of every loop, comprehension or gather that awaits one thing after or beside another."""
    found: set[str] = set()
    for module in modules():
        if module.path.startswith(ROOMS) and any(word in module.text for word in ("async ", *GATHERS)):
            found |= {f"{module.path}: {function}" for function in _loops_in(module.tree, ())}
    return frozenset(found)


def _loops_in(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the qualified name of the function around each awaiting loop."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        names = (*names, node.name)
    if _is_awaiting_loop(node):
        yield ".".join(names)
    for inside in ast.iter_child_nodes(node):
        yield from _loops_in(inside, names)


def _is_awaiting_loop(node: ast.AST) -> bool:
    if isinstance(node, ast.For):
        return _awaits(*node.body)
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        conditions = [condition for one in node.generators for condition in one.ifs]
        return any(one.is_async for one in node.generators) or _awaits(*parts, *conditions)
    if isinstance(node, ast.Call):
        return (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in GATHERS
    return isinstance(node, ast.AsyncFor)


def _awaits(*nodes: ast.AST) -> bool:
    return any(isinstance(one, ast.Await | ast.AsyncWith | ast.AsyncFor) for node in nodes for one in ast.walk(node))
