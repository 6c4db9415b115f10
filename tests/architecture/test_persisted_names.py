"""The stored names (in events, histories and answers) are those in `persisted_names.txt`.

A changed line needs a decision record and an upcast; `python -m tests.architecture.test_persisted_names` writes the
file anew.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from temporalio import activity, workflow
from temporalio.common import SearchAttributeKey

from activities.registry import all_queues, modules_of
from domain.core.aggregate import Aggregate, DomainEvent
from domain.core.errors import Refusal
from domain.core.topics import import_all
from tests.fakes.api_client import routed
from workflows.core.patches import PATCHES

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("persisted_names.txt")
AGAIN = "tests/architecture/persisted_names.txt differs; run `python -m tests.architecture.test_persisted_names`"
HEADER = "# Stored for ever: a changed or missing line needs a decision record and an upcast.\n"
C = TypeVar("C")
ROOMS = ("domain", "activities", "workflows")
TOPIC = re.compile(r"(?P<subject>[a-z][a-z-]+)\.[a-z][a-z-]+")
K = TypeVar("K")
import_all()  # so that each test knows every event and aggregate, also when it runs alone


def modules() -> list[ModuleType]:
    """Import every module whose names are stored."""
    return [module for room in ROOMS for module in modules_of(room)]


def descendants(parent: type[C]) -> Iterator[type[C]]:
    """Yield every subclass that the project defines, at any depth; tests define some of their own."""
    for child in parent.__subclasses__():
        if child.__module__.partition(".")[0] in ROOMS:
            yield child
        yield from descendants(child)


def topics(base: type[DomainEvent | Aggregate]) -> set[str]:
    """Return the topics of the stored events or aggregates; the bases have none."""
    return {kind.TOPIC for kind in descendants(base) if kind.TOPIC}


def stored_events() -> set[type[DomainEvent]]:
    """Return every event that may be stored."""
    modules()
    return {event for event in descendants(DomainEvent) if event.TOPIC}


def routes() -> Iterator[str]:
    """Yield every operation of the API."""
    for path, methods in routed().openapi()["paths"].items():
        yield from (f"{method.upper()} {path}" for method in methods)


def kinds() -> set[str]:
    """Return the prefixes of the aggregates' stream ids; an abstract aggregate has none."""
    return {root.STREAM_CATEGORY for root in descendants(Aggregate) if root.STREAM_CATEGORY}


def in_workflow(definition: Any) -> Iterator[tuple[str, str]]:
    """Yield the name of a workflow and of its signals, queries and updates."""
    yield "workflow", definition.name
    for sort, handlers in (
        ("signal", definition.signals),
        ("query", definition.queries),
        ("update", definition.updates),
    ):
        yield from ((sort, f"{definition.name}.{name}") for name in handlers)


def in_module(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the names of a module's definitions that Temporal stores."""
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
    found |= {("event", topic) for topic in topics(DomainEvent)}
    found |= {("aggregate", topic) for topic in topics(Aggregate)}
    found |= {("route", route) for route in routes()}
    found |= {("kind", kind) for kind in kinds()}
    found |= {("refusal", Refusal.code), *(("refusal", refusal.code) for refusal in descendants(Refusal))}
    found |= {("task-queue", queue) for queue in all_queues()}
    found |= {("patch", patch.name) for patch in PATCHES}
    return [f"{sort} {name}" for sort, name in sorted(found)]


def test_stored_names_are_the_recorded_ones() -> None:
    """A changed, removed or unlisted name fails."""
    recorded = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    now = names()
    unlisted = [f"{name}: not in {FILE.name}" for name in now if name not in recorded]
    gone = [f"{name}: in {FILE.name}, no longer in the code" for name in recorded if name not in now]
    assert [*unlisted, *gone] == [], AGAIN
    assert now == recorded, AGAIN


def test_every_sort_of_name_is_found() -> None:
    """The introspection finds names of every sort."""
    sorts = {line.partition(" ")[0] for line in names()}
    wanted = {
        "event",
        "aggregate",
        "kind",
        "activity",
        "workflow",
        "signal",
        "update",
        "search-attribute",
        "refusal",
        "task-queue",
        "route",
    }
    assert wanted - sorts == set()


def test_two_aggregates_never_share_a_kind_nor_two_refusals_a_code() -> None:
    """A stream's id and a refusal's code each identify one class."""
    roots = [root.STREAM_CATEGORY for root in descendants(Aggregate) if root.STREAM_CATEGORY]
    codes = [refusal.code for refusal in descendants(Refusal)]
    assert len(roots) == len(kinds())
    assert len(codes) == len(set(codes))


def test_a_topic_is_a_subject_and_a_participle() -> None:
    """The subject is the aggregate's kind, or `token` for venues, shows and tickets."""
    subjects = {found["subject"] for topic in topics(DomainEvent) if (found := TOPIC.fullmatch(topic))}
    assert all(TOPIC.fullmatch(topic) for topic in topics(DomainEvent))
    assert subjects == kinds() | {"token"}
    assert topics(Aggregate) == kinds()


def test_a_topic_is_resolved_by_a_process_that_knows_no_class() -> None:
    """The event mapper imports all classes of events."""
    stored = sorted(topics(DomainEvent) | topics(Aggregate))
    code = (
        "import sys; from adapters.event_store.recorder import event_mapper\n"
        "from eventsourcing.utils import resolve_topic\n"
        "assert not [name for name in sys.modules if name.startswith('domain.orders.order')], 'known already'\n"
        "event_mapper(); print(*(resolve_topic(topic).TOPIC for topic in sys.argv[1:]))"
    )
    ran = subprocess.run([sys.executable, "-c", code, *stored], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.stdout.split(), ran.stderr) == (stored, "")


if __name__ == "__main__":
    FILE.write_text(HEADER + "\n".join(names()) + "\n")
