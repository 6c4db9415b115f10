"""Histories of every outcome are replayed by today's code: a change that would strand a purchase fails here."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.fakes.world import RUNNER, WORKFLOWS
from tests.replay.record import HISTORIES, SCENES


def recorded(name: str, *change: str) -> WorkflowHistory:
    """Read a history, with a change of its text when one is given."""
    text = (HISTORIES / f"{name}.json").read_text()
    return WorkflowHistory.from_json(name, json.loads(text.replace(*change) if change else text))


def test_every_outcome_is_recorded() -> None:
    """Each scene has its history, and each history its scene."""
    assert {path.stem for path in HISTORIES.glob("*.json")} == {scene.__name__ for scene in SCENES}


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_replay(path: Path) -> None:
    """Today's code takes the same way through the recorded history."""
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=RUNNER)
    await replayer.replay_workflow(recorded(path.stem))


async def test_a_changed_workflow_is_caught() -> None:
    """The replay can fail: a history without one of its steps does not fit."""
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=RUNNER)
    changed = recorded("fulfilled", '"capture_payment"', '"capture_other"')
    result = await replayer.replay_workflow(changed, raise_on_replay_failure=False)
    assert result.replay_failure is not None
