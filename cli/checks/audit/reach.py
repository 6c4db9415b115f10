"""Follow functions of ours through their source: which events, systems, read models and workflows they reach.

The source is read, not run. Names are resolved as Python does: local names, parameters by annotation, attributes of
real objects, globals of the module. Where an object's class is not known, a method counts if an aggregate that the
module knows has it; so the result may name too much, and never too little of what is written in the source.
"""

import ast
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_args

from adapters.read_models.documents import DocumentBatch, ReadModel
from adapters.read_models.projection import LINES
from cli.checks.audit.model import Call
from domain.core.aggregate import Aggregate, DomainEvent
from workflows.core.task_queue import MARK

ROOMS = ("activities", "adapters", "api", "assembly", "cli", "domain", "relay", "workflows")
OURS = (*(f"{room}." for room in ROOMS), "worker", "projector")
READ_MODELS = "adapters.read_models"
TABLE = re.compile(r"\brm_([a-z]+(?:_[a-z]+)*)")
GIVES_ITS_CLASS = frozenset({"get", "find", "begin", "add"})
Def = ast.FunctionDef | ast.AsyncFunctionDef
UNKNOWN = object()


@dataclass(frozen=True)
class Of:
    """Some object of a class, of which nothing else is known."""

    kind: type


@dataclass(frozen=True)
class Bound:
    """A method and its object."""

    function: types.FunctionType
    on: Any


@dataclass
class Reached:
    """Everything that a function reaches."""

    events: set[type[DomainEvent]] = field(default_factory=set)
    calls: set[Call] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    looked_up: set[str] = field(default_factory=set)  # the tables that a fold reads
    workflows: set[str] = field(default_factory=set)
    handlers: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


@cache
def definitions(module: str) -> Mapping[tuple[str, int], Def]:
    """Return every function of a module by its name and first line."""
    tree = ast.parse(Path(str(sys.modules[module].__file__)).read_text())
    return {
        (node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])): node
        for node in ast.walk(tree)
        if isinstance(node, Def)
    }


def is_ours(module: str) -> bool:
    """Return whether a module is part of the product."""
    return f"{module}.".startswith(OURS) or module.startswith(OURS)


def is_outside(module: str) -> bool:
    """Return whether a module talks to an outside system, behind a port: it is not followed, only named."""
    return module.startswith("adapters.") and not module.startswith(READ_MODELS)


def reach(function: Callable[..., Any], given: Mapping[type, Any] | None = None) -> Reached:
    """Follow a function, or a method of an object; `given` has objects for parameters of these classes."""
    walk = Walk(given or {})
    walk.enter(function, getattr(function, "__self__", None))
    return walk.reached


class Walk:
    """One walk from one function through all that it calls."""

    def __init__(self, given: Mapping[type, Any]) -> None:
        self.reached = Reached()
        self._given = given
        self._entered: set[tuple[Any, ...]] = set()

    def enter(self, function: Any, on: Any = None, arguments: Mapping[str, Any] | None = None) -> None:
        """Follow a function, unless it was entered with the same object before."""
        plain = getattr(function, "__func__", function)
        if not isinstance(plain, types.FunctionType) or not is_ours(plain.__module__) or is_outside(plain.__module__):
            return
        node = definitions(plain.__module__).get((plain.__name__, plain.__code__.co_firstlineno))
        known = tuple(sorted((name, id(value)) for name, value in (arguments or {}).items()))
        key = (plain, id(on) if not isinstance(on, Of) else on.kind, known)
        if node is None or key in self._entered:
            return
        self._entered.add(key)
        enclosed = inspect.getclosurevars(plain).nonlocals
        scope = {**enclosed, **self.parameters(plain, node, on), **(arguments or {})}
        SourceBody(self, plain.__globals__, scope).read(node.body)

    def value_for(self, annotation: Any) -> Any:
        """Return the object that a parameter or result of this annotation is."""
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and is_ours(kind.__module__):
                return self._given.get(kind, Of(kind))
        return UNKNOWN

    def parameters(self, function: types.FunctionType, node: Def, on: Any) -> dict[str, Any]:
        """Return the parameters of a function by their annotations, the first one as its object."""
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        found = {name: self.value_for(function.__annotations__.get(name)) for name in names}
        if on is not None and names:
            found[names[0]] = on
        return found


class SourceBody(ast.NodeVisitor):
    """Reads the statements of one function."""

    def __init__(self, walk: Walk, names: Mapping[str, Any], scope: Mapping[str, Any]) -> None:
        self._walk = walk
        self._reached = walk.reached
        self._globals = names
        self._scope = dict(scope)

    def read(self, statements: list[ast.stmt]) -> None:
        """Learn the local names first, then follow everything that is named."""
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                    for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
                        self._learn(target, node.value)
        for statement in statements:
            self.visit(statement)

    def _learn(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._learn(one, other)
        elif isinstance(target, ast.Name) and (found := self.value(value)) is not UNKNOWN:
            self._scope[target.id] = found

    def value(self, node: ast.expr) -> Any:
        """Return the object that an expression is, as far as that is known."""
        match node:
            case ast.Name(id=name):
                return self._scope.get(name, self._globals.get(name, UNKNOWN))
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner)
            case ast.Attribute(value=base, attr=name):
                return attribute_of(self.value(base), name, self._walk)
            case ast.Call():
                return self._result(node)
            case _:
                return UNKNOWN

    def _result(self, call: ast.Call) -> Any:
        first = self.value(call.args[0]) if call.args else UNKNOWN
        if isinstance(call.func, ast.Attribute) and call.func.attr in GIVES_ITS_CLASS:
            if isinstance(first, type) and issubclass(first, Aggregate):
                return Of(first)
            if call.func.attr == "begin" and isinstance(owner := self.value(call.func.value), type):
                return Of(owner)
        made = self.value(call.func)
        if isinstance(made, type) and is_ours(made.__module__):
            return Of(made)
        function = made.function if isinstance(made, Bound) else made
        return self._walk.value_for(getattr(function, "__annotations__", {}).get("return"))

    def visit_Call(self, node: ast.Call) -> None:
        """Follow a call with its arguments; an `isinstance` records nothing."""
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            self.visit(node.args[0])
            return
        called = self.value(node.func)
        function = called.function if isinstance(called, Bound) else called
        on = called.on if isinstance(called, Bound) else None
        if isinstance(function, types.FunctionType):
            self._walk.enter(function, on, self._arguments(node, function, bound=on is not None))
        first = self.value(node.args[0]) if node.args else UNKNOWN
        if isinstance(first, ReadModel) and isinstance(node.func, ast.Attribute) and node.func.attr == "find":
            self._reached.looked_up.add(first.name)
        self.generic_visit(node)

    def _arguments(self, node: ast.Call, function: types.FunctionType, *, bound: bool) -> dict[str, Any]:
        names = function.__code__.co_varnames[: function.__code__.co_argcount][int(bound) :]
        pairs = [*zip(names, node.args, strict=False), *((one.arg or "", one.value) for one in node.keywords)]
        for name, value in pairs:
            if isinstance(value, ast.Lambda):
                self._learn_parameters(value, function.__annotations__.get(name))
        found = {name: self.value(value) for name, value in pairs}
        return {name: value for name, value in found.items() if value is not UNKNOWN and not _is_plain(value)}

    def _learn_parameters(self, function: ast.Lambda, annotation: Any) -> None:
        """Learn what a lambda is given, from the annotation of the parameter that it is."""
        kinds = next(iter(get_args(annotation)), ())
        if isinstance(kinds, list):
            for one, kind in zip(function.args.args, kinds, strict=False):
                self._scope[one.arg] = self._walk.value_for(kind)

    def visit_Name(self, node: ast.Name) -> None:
        """Follow a function that is named."""
        self._take(self._scope.get(node.id, self._globals.get(node.id, UNKNOWN)))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Follow a method that is named, on whatever it is."""
        self.visit(node.value)
        base = self.value(node.value)
        if isinstance(base, type) and MARK in vars(base):
            self._reached.workflows.add(base.__name__)
            return
        if base is UNKNOWN:
            for kind in aggregates_with(str(self._globals["__name__"]), node.attr):
                self._take(attribute_of(Of(kind), node.attr, self._walk))
            return
        found = attribute_of(base, node.attr, self._walk)
        self._note_system(base, node.attr)
        self._note_handler(node, base, found)
        self._take(found)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Note the read models that a statement names."""
        self._take(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Leave out annotations."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out annotations."""
        if node.value is not None:
            self.visit(node.value)

    def _note_system(self, base: Any, name: str) -> None:
        kind = base.kind if isinstance(base, Of) else type(base)
        if is_outside(kind.__module__):
            there = hasattr(kind, name) or name in vars(base)
            self._reached.calls.add(Call(kind.__module__.split(".")[1], kind.__name__, name, there))

    def _note_handler(self, node: ast.Attribute, base: Any, found: Any) -> None:
        """Note what is asked of the dependencies of the routes; `missing` is what they lack."""
        if isinstance(base, types.SimpleNamespace):
            (self._reached.handlers if hasattr(base, node.attr) else self._reached.missing).add(node.attr)
        elif isinstance(node.value, ast.Attribute) and isinstance(self.value(node.value.value), types.SimpleNamespace):
            name = f"{node.value.attr}.{node.attr}"
            there = found is not UNKNOWN or not isinstance(base, Of) or _declares(base.kind, node.attr)
            (self._reached.handlers if there else self._reached.missing).add(name)
        if isinstance(base, Of) and issubclass(base.kind, DocumentBatch) and node.attr in LINES:
            self._reached.tables.add(node.attr)

    def _take(self, value: Any) -> None:
        match value:
            case type():
                if issubclass(value, DomainEvent) and value.TOPIC:
                    self._reached.events.add(value)
            case ReadModel(name=name):
                self._reached.tables.add(name)
            case str():
                self._reached.tables.update(TABLE.findall(value))
            case Bound(function=function, on=on):
                self._walk.enter(function, on)
            case types.FunctionType():
                self._walk.enter(value)
            case dict() | tuple() | list():
                self._take_each(value.values() if isinstance(value, dict) else value)

    def _take_each(self, values: Iterable[Any]) -> None:
        """Take functions and classes; a mapping of statements is read by the read model that is named beside it."""
        for value in values:
            if isinstance(value, types.FunctionType | type | tuple):
                self._take(value)


def attribute_of(base: Any, name: str, walk: Walk) -> Any:
    """Return the attribute of an object or class; a method with its object."""
    if base is UNKNOWN:
        return UNKNOWN
    if isinstance(base, Of):
        found = getattr(base.kind, name, UNKNOWN)
        if found is UNKNOWN:
            return _assigned(base.kind, name, walk)
    else:
        found = vars(base).get(name, UNKNOWN) if hasattr(base, "__dict__") else UNKNOWN
        found = getattr(base, name, UNKNOWN) if found is UNKNOWN else found
    plain = getattr(found, "__func__", found)
    if isinstance(plain, property):
        return walk.value_for(getattr(plain.fget, "__annotations__", {}).get("return"))
    if isinstance(plain, types.FunctionType) and not isinstance(base, types.ModuleType | type):
        return Bound(plain, base)
    return plain


def _assigned(kind: type, name: str, walk: Walk) -> Any:
    """Return the object that a constructor assigns to an attribute, by the annotation of its parameter."""
    assignment = assignment_of(kind, name)
    if assignment is None:
        return walk.value_for(getattr(kind, "__annotations__", {}).get(name))
    function, node, value = assignment
    return SourceBody(walk, function.__globals__, walk.parameters(function, node, Of(kind))).value(value)


@cache
def assignment_of(kind: type, name: str) -> tuple[types.FunctionType, Def, ast.expr] | None:
    """Return the constructor that assigns an attribute, and the value that it assigns."""
    for parent in kind.__mro__:
        function = vars(parent).get("__init__")
        if not isinstance(function, types.FunctionType) or not is_ours(function.__module__):
            continue
        node = definitions(function.__module__).get(("__init__", function.__code__.co_firstlineno))
        for one in ast.walk(node) if node is not None else ():
            if node is not None and isinstance(one, ast.Assign) and _sets(one.targets[0], name):
                return function, node, one.value
    return None


def _sets(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == name


@cache
def all_aggregates() -> tuple[type[Aggregate], ...]:
    """Return every class of aggregates."""
    found, classes = list[type[Aggregate]](), [Aggregate]
    while classes:
        below = classes.pop().__subclasses__()
        found += below
        classes += below
    return tuple(found)


@cache
def known_to(module: str) -> tuple[type[Aggregate], ...]:
    """Return the classes of aggregates that a module names."""
    names = vars(sys.modules[module]).values()
    return tuple(one for one in names if isinstance(one, type) and issubclass(one, Aggregate))


@cache
def aggregates_with(module: str, attribute: str) -> tuple[type[Aggregate], ...]:
    """Return the aggregates that an object of unknown class may be: those of the module, or else any."""
    known = tuple(kind for kind in known_to(module) if hasattr(kind, attribute))
    return known or tuple(kind for kind in all_aggregates() if attribute in vars(kind))


def _declares(kind: type, name: str) -> bool:
    return any(name in getattr(parent, "__annotations__", ()) for parent in kind.__mro__)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | bytes)
