"""Patch flags: the builds that can continue a history of another build."""

from itertools import count

import pytest
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from adapters.temporal.connect import data_converter
from tests.fakes.sandbox import RUNNER
from tests.workflows.conftest import CODEC_KEYS
from tests.workflows.core.patched_workflows import Before, Deprecated, Flagged, Unflagged, note

BUILDS = (Before, Unflagged, Flagged, Deprecated)
GOES_ON: dict[type, set[type]] = {
    Before: {Before, Flagged},
    Unflagged: {Unflagged, Deprecated},
    Flagged: {Flagged, Deprecated},
    Deprecated: {Unflagged, Flagged, Deprecated},
}
_runs = count()


async def run(server: WorkflowEnvironment, build: type) -> tuple[list[str], WorkflowHistory]:
    async with Worker(server.client, task_queue="v", workflows=[build], activities=[note], workflow_runner=RUNNER):
        handle = await server.client.start_workflow("Changing", id=f"changing-{next(_runs)}", task_queue="v")
        return await handle.result(), await handle.fetch_history()


async def fits(build: type, history: WorkflowHistory) -> bool:
    replayer = Replayer(workflows=[build], workflow_runner=RUNNER, data_converter=data_converter(CODEC_KEYS))
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure is None


@pytest.mark.parametrize("begun", BUILDS, ids=lambda build: build.__name__)
async def test_which_build_goes_on_with_what_another_began(skipping: WorkflowEnvironment, begun: type) -> None:
    """A flagged change continues old and new runs; an unflagged one no older run, and a rollback no newer one."""
    ways, history = await run(skipping, begun)
    assert ways == (["done"] if begun is Before else ["waited", "done"])
    assert {build for build in BUILDS if await fits(build, history)} == GOES_ON[begun]
