"""The fault matrix on fakes: each cell plays its scene under its fault and is judged at rest."""

import os
from collections.abc import Callable

import pytest

from tests.fakes.engines import skipping_server
from tests.fakes.evidence import external_state, findings_of, require_invariants
from tests.matrix.cells import STEP_FAULTS, UNREACHABLE, WEBHOOK_FAULTS, Cell, Row, cells, registered
from tests.matrix.every_scene import SCENES
from tests.matrix.faults import Faults
from tests.matrix.scenes import BEFORE_PIVOT, REFUSABLE, RETRIED, Scene
from tests.matrix.stage import Stage
from tests.matrix.webhooks import PLAYS
from workflows.registry import declared_workflows
from workflows.stock.ticket_api_hold import HoldWorkflow

QUICK = {"webhook-forged", "webhook-delayed"}
BY_NAME = {scene.name: scene for scene in SCENES}
ALL = cells([scene.row for scene in SCENES], registered())
RUN = [cell for cell in ALL if cell.impossible is None and (cell.is_sampled or "MATRIX" in os.environ)]
STEPS = [cell for cell in RUN if cell.fault not in WEBHOOK_FAULTS]
WEBHOOKS = [cell for cell in ALL if cell.fault in WEBHOOK_FAULTS and ("MATRIX" in os.environ or cell.fault in QUICK)]


def ends_of(cell: Cell, scene: Scene) -> set[str]:
    """Return the right ends of a cell."""
    if cell.fault == "refusal" and cell.activity in REFUSABLE:
        return {"cancelled: wrong-state"}
    if cell.fault.startswith("cancel") and cell.activity in BEFORE_PIVOT:
        undone = "cancelled: operator-cancelled"
        return {undone} if scene.ends == "fulfilled" and scene.has_payment else {undone, scene.ends}
    return {scene.ends}


def calls_operator(cell: Cell) -> bool:
    """Whether an operator is needed: after a failed round, or when an activity that cannot be undone is refused."""
    return cell.fault == "outage" or (cell.fault == "refusal" and cell.activity not in REFUSABLE | RETRIED)


async def played(scene: Scene, faults: Faults) -> tuple[str, Stage]:
    """Play a scene to its end on a server of its own; assert the invariants there, and after every late effect."""
    server = await skipping_server()
    # Only the stage moves the clock: waiting for a result would move it too, and the server refuses two at once.
    async with server:
        with server.auto_time_skipping_disabled():
            async with Stage(server, faults) as stage:
                end = await scene.play(stage)
                await stage.give_back()
                outside = external_state(stage.world.gateway, stage.world.chain, stage.world.connect)
                require_invariants(findings_of(stage.world.store.log, outside))
                if scene.workflow is not HoldWorkflow:  # sold without a purchase; its scenes count them
                    await stage.world.check_invariants()
                stage.calls = await stage.operator_flags()
    return end, stage


@pytest.mark.parametrize("cell", STEPS, ids=lambda cell: cell.name)
async def test_step(cell: Cell, record_property: Callable[[str, object], None]) -> None:
    """The end is right, the invariants hold, and an operator is asked if and only if one is needed."""
    assert cell.scene != UNREACHABLE, f"no scene reaches {cell.activity}"
    scene, faults = BY_NAME[cell.scene], Faults(cell.activity, cell.fault)
    end, stage = await played(scene, faults)
    assert faults.fired, "the fault never came"
    assert end in ends_of(cell, scene)
    assert (True in stage.calls) == calls_operator(cell), stage.calls
    assert stage.calls[-1:] != [True], "the call for an operator was never taken back"
    record_property("cell", [*cell, "F", end])


@pytest.mark.parametrize("cell", WEBHOOKS, ids=lambda cell: cell.name)
async def test_webhook(cell: Cell, record_property: Callable[[str, object], None]) -> None:
    """Whatever happens to a webhook, the purchase ends right: it does not depend on webhooks."""
    play, right = PLAYS[cell.fault]
    end, stage = await played(BY_NAME[cell.scene]._replace(play=play), Faults())
    assert end == right
    assert True not in stage.calls
    record_property("cell", [*cell, "F", end])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_scene_reaches_what_it_says(scene: Scene) -> None:
    """Without a fault a scene runs exactly its activities, so that a new step in a workflow needs cells."""
    faults = Faults()
    end, stage = await played(scene, faults)
    assert end == scene.ends
    assert stage.reached == set(scene.reaches)
    assert True not in stage.calls


def test_every_activity_and_every_workflow_has_a_scene() -> None:
    """A newly registered activity or workflow is red until a scene reaches it."""
    assert [cell.name for cell in ALL if cell.scene == UNREACHABLE] == []
    assert {scene.workflow for scene in SCENES} == set(declared_workflows())


def test_an_activity_without_a_scene_is_red() -> None:
    """An activity that no scene reaches has red cells."""
    made = cells([Row("sale", ("place_order",))], {"place_order": "purchases", "launder_money": "stripe"})
    assert {cell.activity for cell in made if cell.scene == UNREACHABLE} == {"launder_money"}
    assert {cell.fault for cell in made if cell.activity == "launder_money"} >= set(STEP_FAULTS)


def test_the_matrix_is_large_enough_and_names_each_cell_once() -> None:
    """At least 300 cells are judged."""
    judged = [cell.name for cell in ALL if cell.impossible is None]
    assert len(judged) == len(set(judged)) >= 300
