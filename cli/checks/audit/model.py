"""What the audit has collected, and which edges are missing in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

STORE = "event_store"


class Missing(NamedTuple):
    """A missing edge: its kind, its subject and the reason, in plain words."""

    edge: str
    subject: str
    why: str


@dataclass(frozen=True, order=True)
class Call:
    """A call of an outside system: the folder of `adapters/`, the class and the method; whether that exists."""

    system: str
    adapter: str
    method: str
    exists: bool = True


@dataclass(frozen=True)
class Step:
    """A workflow calls an activity; `place` is the function that does. `activity` is empty if it is none."""

    workflow: str
    place: str
    method: str
    activity: str
    forward_only: bool = False
    is_undo: bool = False
    undos: tuple[str, ...] | None = None  # activities that undo it; None: the workflow has no saga


@dataclass(frozen=True)
class Activity:
    """An activity: its queues, the queues whose worker has it, and everything that it reaches."""

    name: str
    queues: tuple[str, ...]
    workers: tuple[str, ...]
    calls: tuple[Call, ...]
    events: frozenset[str]

    @property
    def touches(self) -> frozenset[str]:
        """The aggregates that it changes, and the outside systems that it calls."""
        systems = {call.system for call in self.calls if call.system != STORE}
        return frozenset({topic.partition(".")[0] for topic in self.events} | systems)


@dataclass(frozen=True)
class Event:
    """An event: the read models that its folds change, or that it is declared to change none."""

    topic: str
    tables: frozenset[str]
    is_unfolded: bool = False


@dataclass(frozen=True)
class Route:
    """A route: the command handlers and queries that it calls, and everything that it reaches."""

    method: str
    path: str
    handlers: frozenset[str]
    lacking: frozenset[str]
    events: frozenset[str]
    tables: frozenset[str]
    workflows: frozenset[str]

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Collected:
    """Everything, as the code has it.

    `tests` maps activities, workflows and routes to the files that name them; None: the tests are not installed.
    """

    steps: tuple[Step, ...]
    activities: Mapping[str, Activity]
    events: Mapping[str, Event]
    routes: tuple[Route, ...]
    commands: Mapping[str, frozenset[str]]  # the events that each command of the command line records
    readers: Mapping[str, frozenset[str]]  # of each read model, without the routes
    starters: Mapping[str, frozenset[str]]  # of each workflow, without the routes
    secrets: frozenset[str]  # queues whose worker's needs are declared
    tests: Mapping[str, tuple[str, ...]] | None


def missing(found: Collected) -> list[Missing]:
    """Return every edge that is missing."""
    rules = (_steps, _activities, _undos, _events, _read_models, _workflows, _routes, _tests)
    return [one for rule in rules for one in rule(found)]


def recorders(found: Collected, topic: str) -> list[str]:
    """Return the activities, routes and commands that record an event."""
    acts = [name for name, one in found.activities.items() if topic in one.events]
    routes = [route.name for route in found.routes if topic in route.events]
    return acts + routes + [name for name, topics in found.commands.items() if topic in topics]


def readers(found: Collected, table: str) -> list[str]:
    """Return the routes, and the other rooms, that read a read model."""
    return [route.name for route in found.routes if table in route.tables] + sorted(found.readers.get(table, ()))


def _steps(found: Collected) -> Iterator[Missing]:
    for step in found.steps:
        if step.activity not in found.activities:
            yield Missing("step → activity", f"{step.workflow}.{step.place}", f"{step.method} is no activity")
    called = {step.activity for step in found.steps}
    for name in sorted(found.activities.keys() - called):
        yield Missing("activity ← step", name, "no workflow calls it")


def _activities(found: Collected) -> Iterator[Missing]:
    for one in found.activities.values():
        if not one.queues:
            yield Missing("activity → queue", one.name, "it names no task queue")
        for queue in one.queues:
            if queue not in one.workers:
                yield Missing("queue → worker", one.name, f"the worker of the queue {queue} does not run it")
            if queue not in found.secrets:
                yield Missing("queue → worker", queue, "the settings do not say what its worker needs")
        for call in one.calls:
            if not call.exists:
                yield Missing("activity → external call", one.name, f"{call.adapter} has no {call.method}")


def _undos(found: Collected) -> Iterator[Missing]:
    for step in found.steps:
        act = found.activities.get(step.activity)
        if act is None or step.undos is None or step.forward_only or step.is_undo:
            continue
        undone = frozenset[str]().union(*(found.activities[name].touches for name in step.undos))
        for touched in sorted(act.touches - undone):
            why = f"changes {touched}, and no undo that is registered before it does"
            yield Missing("step → undo", f"{step.workflow}.{step.activity}", why)


def _events(found: Collected) -> Iterator[Missing]:
    for topic, event in found.events.items():
        if not recorders(found, topic):
            yield Missing("event ← step", topic, "no activity, route or command records it")
        if not event.tables and not event.is_unfolded:
            yield Missing("event → projection", topic, "no read model folds it, and it is not declared as unfolded")


def _read_models(found: Collected) -> Iterator[Missing]:
    for table in sorted({table for event in found.events.values() for table in event.tables}):
        if not readers(found, table):
            yield Missing("projection → route", table, "nothing reads this read model")


def _workflows(found: Collected) -> Iterator[Missing]:
    by_routes = {name for route in found.routes for name in route.workflows}
    for name, starters in found.starters.items():
        if not starters and name not in by_routes:
            yield Missing("workflow ← starter", name, "nothing starts it")


def _routes(found: Collected) -> Iterator[Missing]:
    for route in found.routes:
        for name in sorted(route.lacking):
            yield Missing("route → handler", route.name, f"the API is given no {name}")


def _tests(found: Collected) -> Iterator[Missing]:
    if found.tests is None:
        return
    kinds = {"activity": found.activities, "workflow": found.starters, "route": [route.name for route in found.routes]}
    for kind, names in kinds.items():
        for name in names:
            if not found.tests.get(name):
                yield Missing(f"{kind} → test", name, "no test names it")
