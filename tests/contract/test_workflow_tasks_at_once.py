"""A worker takes no more workflow tasks at once than it can end in their time; the others wait in the task queue.

The time of a task begins when a worker takes it. A worker that takes a hundred on a busy machine ends none of them
within five seconds: the server gives each to it again, and nothing gets done until the rush is over.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from settings import Settings
from tests.fakes.engines import dev_server
from tests.fakes.patience import PATIENCE_SECONDS

LIMIT = Settings().worker.max_concurrent_workflow_tasks
MORE = LIMIT + 6
QUEUE = "many"


@workflow.defn
class Holding:
    """Its first task ends when its local activity does."""

    @workflow.run
    async def run(self) -> None:
        """Hold the task."""
        await workflow.execute_local_activity("hold", start_to_close_timeout=timedelta(seconds=PATIENCE_SECONDS))


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    async with await dev_server() as server:
        yield server


@pytest.mark.parametrize(("limit", "taken"), [(LIMIT, LIMIT), (None, MORE)], ids=["ours", "without a limit"])
async def test_the_rest_waits_in_the_task_queue(server: WorkflowEnvironment, limit: int | None, taken: int) -> None:
    """And ends once there is room."""
    may_go, held = asyncio.Event(), set[str]()

    @activity.defn
    async def hold() -> None:
        held.add(activity.info().workflow_id or "")
        await may_go.wait()

    many = [
        await server.client.start_workflow(Holding.run, id=f"{limit}-{number}", task_queue=QUEUE)
        for number in range(MORE)
    ]
    worker = Worker(
        server.client,
        task_queue=QUEUE,
        workflows=[Holding],
        activities=[hold],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=limit,
    )
    async with asyncio.timeout(PATIENCE_SECONDS), worker:
        while len(held) < taken:  # noqa: ASYNC110 - the activities send no event that could be counted
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # time to take more
        seen = len(held)
        may_go.set()
        await asyncio.gather(*(one.result() for one in many))
    assert seen == taken
