"""Every workflow, collected from the modules of this room."""

from collections.abc import Iterable
from functools import cache

from activities.registry import modules_of
from workflows.core.task_queue import MARK

NAME = "__temporal_workflow_definition"


@cache
def declared_workflows() -> tuple[type, ...]:
    """Collect every workflow class by name; raises TypeError for one that names no task queue."""
    found = []
    for module in modules_of("workflows"):
        for kind in vars(module).values():
            if not isinstance(kind, type) or kind.__module__ != module.__name__:
                continue
            if NAME in vars(kind) and MARK not in vars(kind):
                raise TypeError(f"no worker runs {kind.__qualname__}: declare it with @workflow_on(queue, ...)")
            if MARK in vars(kind):
                found.append(kind)
    return tuple(sorted(found, key=lambda kind: kind.__name__))


def workflows_on(queue: str, workflows: Iterable[type] | None = None) -> tuple[type, ...]:
    """Return the workflows that the worker of a queue runs, out of all or out of those given."""
    return tuple(kind for kind in workflows or declared_workflows() if getattr(kind, MARK) == queue)
