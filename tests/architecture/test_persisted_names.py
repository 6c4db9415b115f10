"""Names that outlive the code (in stored events, histories and answers) are those in `persisted_names.txt`.

A changed line needs a decision record and an upcast; `python -m tests.architecture.test_persisted_names` writes the
file anew.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from eventsourcing.utils import get_topic
from temporalio import activity, workflow
from temporalio.common import SearchAttributeKey

from activities.core.task_queues import ALL_QUEUES
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import Refusal
from workflows.core.patches import PATCHES

FILE = Path(__file__).with_name("persisted_names.txt")
HEADER = "# Stored for ever: a changed or missing line needs a decision record and an upcast.\n"
ROOMS = ("domain", "activities", "workflows")


def modules() -> list[ModuleType]:
    """Import every module whose names are stored."""
    rooms = [importlib.import_module(room) for room in ROOMS]
    below = [info.name for room in rooms for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    return rooms + [importlib.import_module(name) for name in below]


def descendants(parent: type) -> Iterator[type]:
    """Yield every subclass that the project defines, at any depth; tests define some of their own."""
    for child in parent.__subclasses__():
        if child.__module__.partition(".")[0] in ROOMS:
            yield child
        yield from descendants(child)


def event_topics() -> set[str]:
    """Events that may be stored; the bases, and the library's `Event` of each aggregate, never are."""
    events = {event for event in descendants(DomainEvent) if event.__module__ != "domain.core.aggregate"}
    return {get_topic(event) for event in events if event.__name__ != "Event"}


def kinds() -> set[str]:
    """What the id of an aggregate's stream begins with; an abstract aggregate has none."""
    return {root.STREAM_CATEGORY for root in descendants(Aggregate) if root.STREAM_CATEGORY}


def in_workflow(definition: Any) -> Iterator[tuple[str, str]]:
    """Yield a workflow's own name and those of what may be sent to it."""
    yield "workflow", definition.name
    for sort, handlers in (
        ("signal", definition.signals),
        ("query", definition.queries),
        ("update", definition.updates),
    ):
        yield from ((sort, f"{definition.name}.{name}") for name in handlers)


def in_module(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the names that Temporal stores of what a module defines."""
    for value in vars(module).values():
        if isinstance(value, SearchAttributeKey):
            yield "search-attribute", f"{value.name} {value.indexed_value_type.name.lower()}"
        if not isinstance(value, type) or value.__module__ != module.__name__:
            continue
        if definition := workflow._Definition.from_class(value):
            yield from in_workflow(definition)
        for method in vars(value).values():
            if callable(method) and (done := activity._Definition.from_callable(method)):
                yield "activity", str(done.name)


def names() -> list[str]:
    """List every stored name, each with its sort, in order."""
    found = {pair for module in modules() for pair in in_module(module)}
    found |= {("event", topic) for topic in event_topics()}
    found |= {("kind", kind) for kind in kinds()}
    found |= {("refusal", refusal.code) for refusal in (Refusal, *descendants(Refusal))}
    found |= {("task-queue", queue) for queue in ALL_QUEUES}
    found |= {("patch", patch.name) for patch in PATCHES}
    return [f"{sort} {name}" for sort, name in sorted(found)]


def test_stored_names_are_the_recorded_ones() -> None:
    """A name that changed, vanished or came without its line in the file shows here."""
    recorded = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    assert names() == recorded


def test_every_sort_of_name_is_found() -> None:
    """No sort is missing because the introspection went blind."""
    sorts = {line.partition(" ")[0] for line in names()}
    wanted = {"event", "kind", "activity", "workflow", "signal", "update", "search-attribute", "refusal", "task-queue"}
    assert wanted - sorts == set()


def test_two_aggregates_never_share_a_kind_nor_two_refusals_a_code() -> None:
    """A stream's id and a refusal's code each lead back to one class."""
    roots = [root.STREAM_CATEGORY for root in descendants(Aggregate) if root.STREAM_CATEGORY]
    codes = [refusal.code for refusal in descendants(Refusal)]
    assert len(roots) == len(kinds())
    assert len(codes) == len(set(codes))


if __name__ == "__main__":
    FILE.write_text(HEADER + "\n".join(names()) + "\n")
