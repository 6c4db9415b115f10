"""Every fake passes the contract suite of the real adapter, or is listed with a reason.

A fake is a class of tests/fakes that has all methods of a port (a Protocol of the product). A contract suite is a
fixture with `params` in tests/contract whose code names both the fake and a class of the product with these methods.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TESTS = {"tests", "bench", "devstack"}
# Fakes without a contract suite, each with the reason.
WITHOUT_CONTRACT: dict[str, str] = {}


def modules(*packages: str) -> list[ModuleType]:
    """Import all modules below some packages."""
    found = [importlib.import_module(name) for name in packages]
    below = [info.name for package in found for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(name) for name in below]


def rooms() -> list[str]:
    """Return the product's packages."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in TESTS)


def classes(of: list[ModuleType]) -> list[type[Any]]:
    """Return the classes that these modules define."""
    own = [(module, found) for module in of for found in vars(module).values() if isinstance(found, type)]
    return [found for module, found in own if found.__module__ == module.__name__]


def is_port(found: type[Any]) -> bool:
    return bool(getattr(found, "_is_protocol", False))


def methods(port: type[Any]) -> set[str]:
    """Return the methods of a port, with inherited ones."""
    return {name for kind in port.__mro__ if is_port(kind) for name in vars(kind) if not name.startswith("_")}


@cache
def ports() -> list[type[Any]]:
    """Return every Protocol of the product."""
    return [found for found in classes(modules(*rooms())) if is_port(found) and methods(found)]


def kept_by(found: type[Any], all_ports: list[type[Any]]) -> set[type[Any]]:
    """Return the ports that a class satisfies."""
    return {port for port in all_ports if not is_port(found) and methods(port) <= set(dir(found))}


def fakes(all_ports: list[type[Any]]) -> dict[type[Any], set[type[Any]]]:
    """Return each class of tests/fakes that stands in for a port, with its ports."""
    found = {fake: kept_by(fake, all_ports) for fake in classes(modules("tests.fakes"))}
    return {fake: kept for fake, kept in found.items() if kept}


def fixtures_with_params(module: ModuleType) -> Iterator[ast.AST]:
    """Yield the parametrised fixtures of a contract module."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            if any(keyword.arg == "params" for call in calls for keyword in call.keywords):
                yield node


def named_by(node: ast.AST, module: ModuleType) -> set[type[Any]]:
    """Return the classes that code names; for classes of the contract tests also the classes that these name."""
    found: set[type[Any]] = set()
    for name in {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}:
        value = vars(module).get(name)
        for one in value.__args__ if isinstance(value, UnionType) else (value,):
            if not isinstance(one, type) or one in found:
                continue
            found.add(one)
            if one.__module__.startswith("tests.contract"):
                home = importlib.import_module(one.__module__)
                found |= named_by(ast.parse(inspect.getsource(one)), home)
    return found


@cache
def in_contracts() -> dict[type[Any], set[type[Any]]]:
    """Return each fake of a contract suite, with the ports that a class of the product satisfies in the same suite."""
    covered: dict[type[Any], set[type[Any]]] = {}
    for module in modules("tests.contract"):
        for fixture in fixtures_with_params(module):
            names = named_by(fixture, module)
            real = [found for found in names if found.__module__.split(".")[0] in rooms()]
            kept = set().union(*(kept_by(found, ports()) for found in real))
            for fake in names:
                if fake.__module__.startswith("tests.fakes"):
                    covered.setdefault(fake, set()).update(kept & kept_by(fake, ports()))
    return covered


def without_contract(all_ports: list[type[Any]]) -> set[str]:
    """Return the names of the fakes without a contract suite for any of their ports."""
    covered = in_contracts()
    return {fake.__name__ for fake in fakes(all_ports) if not covered.get(fake)}


def test_every_fake_is_in_a_contract_suite_or_has_a_reason() -> None:
    """A new fake needs a contract suite; an outdated reason fails."""
    all_ports = ports()
    assert len(all_ports) > 20
    assert len(fakes(all_ports)) > 8
    assert without_contract(all_ports) == set(WITHOUT_CONTRACT)
    assert all(WITHOUT_CONTRACT.values())


class Untested:
    """A fake of the client secrets' port without a contract suite."""

    async def get(self, purchase_id: str) -> str | None: ...


def test_a_fake_without_a_suite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found by its methods, whatever its name and module."""
    module = importlib.import_module("tests.fakes.small_tables")
    monkeypatch.setattr(Untested, "__module__", module.__name__)
    monkeypatch.setattr(module, "Untested", Untested, raising=False)
    assert without_contract(ports()) - set(WITHOUT_CONTRACT) == {"Untested"}
