"""Find the steps of every workflow in its source: the activities that it calls, and the undos of its saga."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from activities.registry import DeclaredActivity
from cli.checks.audit.model import Step
from cli.checks.audit.reach import Def

UNDO, SAGA, FORWARD = "undo", "Saga", "forward_only"
StepNames = Mapping[tuple[type, str], str]


class Named(NamedTuple):
    """A method of a class with activities, as a function of a workflow names it."""

    line: int
    method: str
    activity: str
    forward_only: bool


def steps_of(module: ModuleType, declared: Iterable[DeclaredActivity]) -> Iterator[Step]:
    """Yield the steps of the workflows and functions of a module, in the order of the source."""
    known = {(one.owner, one.method): one.name for one in declared}
    tree = ast.parse(Path(str(module.__file__)).read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _of_class(node, vars(module), known)
        elif isinstance(node, Def):
            for one in _named(node, vars(module), known):
                yield Step(module.__name__, node.name, one.method, one.activity, one.forward_only)


def _of_class(node: ast.ClassDef, names: Mapping[str, Any], known: StepNames) -> Iterator[Step]:
    functions = [one for one in node.body if isinstance(one, Def)]
    found = {one.name: list(_named(one, names, known)) for one in functions}
    undos = [undo for function in functions for undo in _undos(function)]
    has_saga = any(isinstance(one, ast.Call) and _called(one) == SAGA for one in ast.walk(node))
    for place, steps in found.items():
        for step in steps:
            before = [name for where, line, name in undos if where != place or line < step.line]
            undone = tuple(one.activity for name in before for one in found[name]) if has_saga else None
            is_undo = any(name == place for _, _, name in undos)
            yield Step(node.name, place, step.method, step.activity, step.forward_only, is_undo, undone)


def _named(function: Def, names: Mapping[str, Any], known: StepNames) -> Iterator[Named]:
    """Yield every method of a class with activities that a function names, under any local name of the class."""
    owners = {owner for owner, _ in known}
    local = {name: kind for name, kind in names.items() if isinstance(kind, type) and kind in owners}
    for target, value in _assigned(function):
        if isinstance(value, ast.Name) and value.id in local:
            local[target] = local[value.id]
    arguments = [part for call in _calls(function) if _is_forward(call) for part in call.args]
    by_name = {part.id for part in arguments if isinstance(part, ast.Name)}
    forward = {id(part) for part in arguments}
    forward |= {id(value) for target, value in _assigned(function) if target in by_name}
    found = [
        Named(node.lineno, f"{owner.__name__}.{node.attr}", known.get((owner, node.attr), ""), id(node) in forward)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (owner := local.get(node.value.id)) is not None
    ]
    yield from sorted(found)


def _assigned(function: Def) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            yield from ((one.id, other) for one, other in pairs if isinstance(one, ast.Name))


def _calls(function: Def) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_forward(call: ast.Call) -> bool:
    given = {one.arg: one.value for one in call.keywords}
    return isinstance(value := given.get(FORWARD), ast.Constant) and value.value is True


def _undos(function: Def) -> Iterator[tuple[str, int, str]]:
    """Yield (function, line, method) of every undo that a function registers."""
    for call in _calls(function):
        if _called(call) == UNDO:
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                    yield function.name, call.lineno, part.attr
