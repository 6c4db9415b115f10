"""Collect what the audit draws: from the registries, the front doors and the source; there is no second list."""

import ast
import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from pydantic import SecretStr
from temporalio import activity

import api.main
from activities.registry import Activities, DeclaredActivity, all_queues, declared_activities, modules_of
from adapters.event_store.store import PostgresEventStore
from adapters.read_models.purchase import TABLES, TEXTS, UNFOLDED
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from adapters.read_models.stalled_work import StalledWorkQueries
from api.app import described_app
from api.http.limits.declared import declarations
from api.ports import Dependencies
from assembly.activities import assemble
from cli.checks.audit.model import Activity, Collected, Event, Route
from cli.checks.audit.reach import Reached, SourceBody, Walk, definitions, reach
from cli.checks.audit.steps import steps_of
from cli.checks.audit.tests import tests_of
from domain.core.aggregate import DomainEvent
from domain.core.ids import Deployment
from domain.core.topics import import_all
from settings import Settings
from settings.check import QUEUE_NEEDS
from settings.groups import SolanaSettings
from workflows.registry import declared_workflows

ROOT = Path(api.main.__file__).parents[1]
TESTS = ROOT / "tests"
QUERIES = (StalledWorkQueries, ShowCancellationQueries)
STARTERS = ("assembly", "relay", "workflows")
ANY_SEED = SecretStr("11" * 32)  # nothing is signed with it


def collect(commands: Any) -> Collected:
    """Collect everything; `commands` is the group of the command line."""
    import_all()
    declared = declared_activities()
    acts = activities_of(declared)
    routes = tuple(routes_of())
    starters = {kind.__name__: frozenset(_mentions(kind)) for kind in declared_workflows()}
    return Collected(
        steps=tuple(step for module in modules_of("workflows") for step in steps_of(module, declared)),
        activities=acts,
        events=events_of(),
        routes=routes,
        commands={name: _topics(reach(function)) for name, function in commands_of("boxoffice", commands)},
        readers=readers_of(),
        starters=starters,
        secrets=frozenset(QUEUE_NEEDS),
        tests=tests_of(TESTS, (*acts, *starters), routes) if TESTS.is_dir() else None,
    )


def activities_of(declared: Iterable[DeclaredActivity]) -> dict[str, Activity]:
    """Return every activity with the queues whose worker runs it, and everything that it reaches."""
    assembled = asyncio.run(_assembled())
    running = {queue: {_name_of(method): method for method in assembled.on(queue)} for queue in all_queues()}
    found = {}
    for one in declared:
        workers = tuple(queue for queue in running if one.name in running[queue])
        reached = reach(running[workers[0]][one.name] if workers else getattr(one.owner, one.method))
        found[one.name] = Activity(one.name, one.queues, workers, tuple(sorted(reached.calls)), _topics(reached))
    return found


async def _assembled() -> Activities:
    """Assemble the worker's activities with its own code; nothing is connected before an activity runs."""
    keys = SolanaSettings(issuer_secret=ANY_SEED, address_secret=ANY_SEED)
    settings = Settings(_env_file=None, solana=keys)
    store, pool = object.__new__(PostgresEventStore), SimpleNamespace(max_size=1)
    async with AsyncExitStack() as closing:
        return assemble(settings, Deployment("audit"), store, pool, closing)  # type: ignore[arg-type]


def _name_of(method: Any) -> str:
    return str(activity._Definition.must_from_callable(method).name)  # noqa: SLF001 - it has no public reader


def _topics(reached: Reached) -> frozenset[str]:
    return frozenset(event.TOPIC for event in reached.events)


def events_of() -> dict[str, Event]:
    """Return every stored event, with the read models that its folds change."""
    found = {}
    for kind in sorted(_below(DomainEvent), key=lambda one: one.TOPIC):
        tables = set[str]().union(*(reach(folds[kind]).tables for folds in TABLES if kind in folds))
        told = {"timeline"} if kind in TEXTS else set()
        found[kind.TOPIC] = Event(kind.TOPIC, frozenset(tables | told), kind in UNFOLDED)
    return found


def _below(kind: type[DomainEvent[Any]]) -> Iterator[type[DomainEvent[Any]]]:
    for one in kind.__subclasses__():
        if one.TOPIC and one.__module__.startswith("domain."):
            yield one
        yield from _below(one)


def routes_of() -> Iterator[Route]:
    """Return every route with what it reaches through the dependencies that `api.main` gives."""
    given: dict[type, Any] = {Dependencies: dependencies()}
    for method, path, endpoint in declarations(described_app().routes):
        found = reach(inspect.unwrap(endpoint), given=given)
        reached = _topics(found), frozenset(found.tables), frozenset(found.workflows)
        groups = {name.partition(".")[0] for name in found.handlers if "." in name}
        yield Route(method, path, frozenset(found.handlers - groups), frozenset(found.missing), *reached)


def dependencies() -> SimpleNamespace:
    """Return the objects that `api.main` gives to the routes, as its source makes them."""
    node = next(node for (name, _), node in definitions("api.main").items() if name == "assemble")
    body = SourceBody(Walk({}), vars(api.main), {})
    body.read(node.body)
    made = next(
        one
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == Dependencies.__name__
    )
    defaults = {name: value for name, value in vars(Dependencies).items() if name in Dependencies.__annotations__}
    return SimpleNamespace(**{**defaults, **{str(one.arg): body.value(one.value) for one in made.keywords}})


def commands_of(name: str, command: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every command of the command line with its function."""
    for part, one in getattr(command, "commands", {}).items():
        yield from commands_of(f"{name} {part}", one)
    if not hasattr(command, "commands"):
        yield name, inspect.unwrap(command.callback)


def readers_of() -> dict[str, frozenset[str]]:
    """Return, for each read model, the queries of the worker and the folds that read it."""
    callers = [module for room in ("relay", "activities") for module in modules_of(room)]
    called = {node.attr for module in callers for node in _attributes(module)}
    found: dict[str, set[str]] = {}
    for kind in QUERIES:
        for name, function in inspect.getmembers(kind, inspect.isfunction):
            if name in called:
                for table in reach(function).tables:
                    found.setdefault(table, set()).add(f"worker: {name}")
    for folds in TABLES:
        for fold in folds.values():
            for table in reach(fold).looked_up:
                found.setdefault(table, set()).add("projection")
    return {table: frozenset(names) for table, names in found.items()}


def _attributes(module: ModuleType) -> Iterator[ast.Attribute]:
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
        if isinstance(node, ast.Attribute):
            yield node


def _mentions(kind: type) -> Iterator[str]:
    """Yield the modules that start a workflow: those that name one of its methods."""
    for module in (one for room in STARTERS for one in modules_of(room)):
        if module.__name__ != kind.__module__ and kind in vars(module).values() and _names(module, kind.__name__):
            yield module.__name__


def _names(module: ModuleType, name: str) -> bool:
    return any(isinstance(node.value, ast.Name) and node.value.id == name for node in _attributes(module))
