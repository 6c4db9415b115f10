"""Collect every activity from the classes of this package that declare one."""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from temporalio import activity

from activities.core.task_queues import MARK, queues_of

NAME = "__temporal_activity_definition"


class DeclaredActivity(NamedTuple):
    """An activity and the class that defines it; its own queue is the first of `queues`."""

    name: str
    owner: type
    method: str
    queues: tuple[str, ...]


def modules_of(room: str) -> Iterator[ModuleType]:
    """Import every module of a package, at any depth, and yield it."""
    package = importlib.import_module(room)
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{room}."):
        yield importlib.import_module(found.name)


@cache
def declared_activities() -> tuple[DeclaredActivity, ...]:
    """Collect every activity by name; raise TypeError for one without a queue, or for a duplicate name."""
    found: dict[str, DeclaredActivity] = {}
    for module in modules_of("activities"):
        for owner in vars(module).values():
            if not isinstance(owner, type) or owner.__module__ != module.__name__:
                continue
            for method, function in vars(owner).items():
                if not hasattr(function, MARK) and not hasattr(function, NAME):
                    continue
                name = str(activity._Definition.must_from_callable(function).name)  # noqa: SLF001 - it has no public reader
                one = DeclaredActivity(name, owner, method, queues_of(function))
                if name in found:
                    raise TypeError(f"duplicate activity name {name}: in {found[name].owner} and {owner}")
                found[name] = one
    return tuple(found[name] for name in sorted(found))


def all_queues() -> tuple[str, ...]:
    """Return every task queue that an activity names, in alphabetical order."""
    return tuple(sorted({queue for one in declared_activities() for queue in one.queues}))


class Activities:
    """One instance of every class that declares an activity of these queues; without queues, of all."""

    def __init__(self, *instances: object, queues: Collection[str] | None = None) -> None:
        """Raise TypeError when a class has no instance, or an instance no activity."""
        self._queues = frozenset(all_queues() if queues is None else queues)
        self._instances = {type(instance): instance for instance in instances}
        owners: dict[type, list[str]] = {one.owner: [] for one in declared_activities()}
        for one in declared_activities():
            owners[one.owner].append(one.name)
        for owner, names in owners.items():
            runs = any(one.owner is owner and self._queues & {*one.queues} for one in declared_activities())
            if runs and owner not in self._instances:
                raise TypeError(f"no worker would run {', '.join(names)}: there is no instance of {owner.__qualname__}")
        for kind in self._instances:
            if kind not in owners:
                raise TypeError(f"{kind.__qualname__} declares no activity")

    def replace(self, *instances: object) -> "Activities":
        """Return a copy with other instances of some classes."""
        replaced = self._instances | {type(instance): instance for instance in instances}
        return Activities(*replaced.values(), queues=self._queues)

    def on(self, queue: str) -> list[Callable[..., Any]]:
        """Return the activities that the worker of a queue runs."""
        return [getattr(self._instances[one.owner], one.method) for one in declared_activities() if queue in one.queues]
