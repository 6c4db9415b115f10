"""`boxoffice audit` finds no missing edge in this code, and each kind of edge when it is taken away."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console
from typer.main import get_command

from activities.registry import declared_activities
from adapters.stripe.payments import StripePayments
from cli.checks.audit.collect import activities_of, collect, dependencies, routes_of
from cli.checks.audit.command import document, picture
from cli.checks.audit.model import Activity, Collected, Route, missing
from cli.checks.audit.steps import steps_of
from cli.main import app

pytestmark = pytest.mark.slow
CAPTURE, ORDER_TICKETS = "capture_payment", "POST /api/v1/purchases"


@cache
def whole() -> Collected:
    return collect(get_command(app))


def changed(change: Callable[[Activity], Activity], name: str = CAPTURE) -> Collected:
    found = whole()
    return replace(found, activities={**found.activities, name: change(found.activities[name])})


def routes(change: Callable[[Route], Route]) -> Collected:
    return replace(whole(), routes=tuple(change(route) for route in whole().routes))


def without_undos() -> Collected:
    return replace(whole(), steps=tuple(replace(one, undos=one.undos and ()) for one in whole().steps))


def without_steps(activity: str) -> Collected:
    return replace(whole(), steps=tuple(one for one in whole().steps if one.activity != activity))


def without_activity() -> Collected:
    steps = tuple(replace(one, activity="" if one.activity == CAPTURE else one.activity) for one in whole().steps)
    return replace(whole(), steps=steps)


def without_recorder(topic: str) -> Collected:
    found = routes(lambda route: replace(route, events=route.events - {topic}))
    acts = {name: replace(one, events=one.events - {topic}) for name, one in found.activities.items()}
    return replace(found, activities=acts, commands={name: events - {topic} for name, events in found.commands.items()})


def without_fold(topic: str) -> Collected:
    events = whole().events
    return replace(whole(), events={**events, topic: replace(events[topic], tables=frozenset(), is_unfolded=False)})


def without_readers(table: str) -> Collected:
    found = routes(lambda route: replace(route, tables=route.tables - {table}))
    return replace(found, readers={name: rooms for name, rooms in found.readers.items() if name != table})


def without_starter(workflow: str) -> Collected:
    found = routes(lambda route: replace(route, workflows=frozenset()))
    return replace(found, starters={**found.starters, workflow: frozenset()})


def untested(name: str) -> Collected:
    return replace(whole(), tests={**(whole().tests or {}), name: ()})


DELETED: dict[str, tuple[Callable[[], Collected], str, str]] = {
    "no activity": (without_activity, "step → activity", "PurchaseWorkflow._capture"),
    "no step": (lambda: without_steps(CAPTURE), "activity ← step", CAPTURE),
    "no queue": (lambda: changed(lambda one: replace(one, queues=())), "activity → queue", CAPTURE),
    "no worker": (lambda: changed(lambda one: replace(one, workers=())), "queue → worker", CAPTURE),
    "no needs": (lambda: replace(whole(), secrets=whole().secrets - {"mint"}), "queue → worker", "mint"),
    "no undo": (without_undos, "step → undo", f"PurchaseWorkflow.{CAPTURE}"),
    "no recorder": (lambda: without_recorder("payment.captured"), "event ← step", "payment.captured"),
    "no fold": (lambda: without_fold("payment.captured"), "event → projection", "payment.captured"),
    "no reader": (lambda: without_readers("venues"), "projection → route", "venues"),
    "no starter": (lambda: without_starter("RefundWorkflow"), "workflow ← starter", "RefundWorkflow"),
    "activity without a test": (lambda: untested(CAPTURE), "activity → test", CAPTURE),
    "workflow without a test": (lambda: untested("RefundWorkflow"), "workflow → test", "RefundWorkflow"),
    "route without a test": (lambda: untested(ORDER_TICKETS), "route → test", ORDER_TICKETS),
}


def test_no_edge_is_missing_and_each_is_missed() -> None:
    """The code has every edge; without any one of them the audit names it."""
    assert [tuple(one) for one in missing(whole())] == []
    for name, (without, edge, subject) in DELETED.items():
        assert (edge, subject) in {one[:2] for one in missing(without())}, name


def test_a_port_without_its_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activity whose adapter lost a method is red, by the name of the method."""
    collected = whole()  # kept for the other tests: it is collected before anything is taken away
    monkeypatch.delattr(StripePayments, "capture_intent")
    found = activities_of([one for one in declared_activities() if one.name == CAPTURE])
    [lacking] = missing(replace(collected, activities={**collected.activities, **found}))
    assert tuple(lacking) == ("activity → external call", CAPTURE, "StripePayments has no capture_intent")


def test_a_route_without_its_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that asks for what the API is not given is red."""
    collected, given = whole(), vars(dependencies())
    given.pop("refunds")
    monkeypatch.setattr("cli.checks.audit.collect.dependencies", lambda: type(dependencies())(**given))
    red = missing(replace(collected, routes=tuple(routes_of())))
    assert ("route → handler", "POST /api/v1/purchases/{purchase_id}/refunds") in {one[:2] for one in red}


SAGA = """
class OtherWorkflow:
    async def run(self):
        saga, sales = Saga(), SalesActivities
        await self._store(sales.place_order, 1, "before its undo")
        saga.undo(lambda: self._end(saga))
        method = SalesActivities.confirm_order
        await self._store(method, 1, "late", forward_only=True)
        await self._store(SalesActivities.vanished, 1, "none")

    async def _end(self, saga):
        await self._store(SalesActivities.cancel_order, 1, "undo", forward_only=True)
"""


def test_the_steps_of_a_workflow_are_read_from_its_source(tmp_path: Path) -> None:
    """An undo counts from its registration on; a method that is no activity is named."""
    module = ModuleType("other")
    module.__file__ = str(tmp_path / "other.py")
    Path(module.__file__).write_text(SAGA)
    vars(module)["SalesActivities"] = next(one.owner for one in declared_activities() if one.name == "place_order")
    place, confirm, vanished, undo = steps_of(module, declared_activities())
    assert (place.activity, place.undos, place.forward_only) == ("place_order", (), False)
    assert (confirm.activity, confirm.undos, confirm.forward_only) == ("confirm_order", ("cancel_order",), True)
    assert (vanished.method, vanished.activity) == ("SalesActivities.vanished", "")
    assert (undo.activity, undo.is_undo) == ("cancel_order", True)
    red = missing(replace(whole(), steps=(*whole().steps, place, vanished)))
    assert {(one.edge, one.subject) for one in red} == {
        ("step → activity", "OtherWorkflow.run"),
        ("step → undo", "OtherWorkflow.place_order"),
    }


def test_the_document_and_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """The document has a row for each step, event and route; the picture names what is missing, in its place too."""
    found = changed(lambda one: replace(one, workers=()))
    lacking = missing(found)
    written: dict[str, Any] = json.loads(json.dumps(document(found, lacking)))
    assert {name: len(rows) for name, rows in written.items()} == {
        "missing": len(lacking),
        "steps": len(found.steps),
        "events": len(found.events),
        "routes": len(found.routes),
    }
    [row] = [row for row in written["steps"] if row["activity"] == CAPTURE]
    assert (row["queue"], row["worker"]) == (["stripe", "purchases"], None)
    assert row["undo"] == ["cancel_order", "cancel_payment"]
    picture(found, lacking, Console(width=200, file=sys.stdout), brief=False)
    shown = capsys.readouterr().out
    assert "missing" in shown
    assert f"{len(lacking)} edges missing" in shown
