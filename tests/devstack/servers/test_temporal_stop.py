"""A stop of the stack costs the next start nothing, whatever the Temporal server was doing."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionName
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.temporal.build_routing import auto_upgrade
from devstack.stack import ROOT, running_stack

UP = (sys.executable, str(ROOT / "tests" / "devstack" / "up_with_stand_ins.py"))
OURS = WorkerDeploymentVersion("boxoffice", "dev")
QUEUES = [f"new-{number}" for number in range(12)]  # registered one after another
LOST_TASK_SECONDS = 9.0  # a lost workflow task comes again after ten, a lost activity after sixty


@workflow.defn
class Answer:
    """Ends at once, when a worker gets it."""

    @workflow.run
    async def run(self) -> str:
        """Return."""
        return "done"


def worker_of(client: Client, queue: str) -> Worker:
    """Return a worker of the stack's build."""
    runner, versioned = UnsandboxedWorkflowRunner(), auto_upgrade(OURS)
    return Worker(client, task_queue=queue, workflows=[Answer], workflow_runner=runner, deployment_config=versioned)


@asynccontextmanager
async def polling(client: Client) -> AsyncIterator[None]:
    """Poll all queues; end all workers together, as that of the stack does."""
    workers = [worker_of(client, queue) for queue in QUEUES]
    async with asyncio.TaskGroup() as running:
        for worker in workers:
            running.create_task(worker.run())
        yield
        await asyncio.gather(*(worker.shutdown() for worker in workers))


async def anything_registered(client: Client) -> None:
    """Wait until the server knows the first queue of our build."""
    name = VersionName(deployment_name=OURS.deployment_name, build_id=OURS.build_id)
    request = DescribeWorkerDeploymentVersionRequest(namespace=client.namespace, deployment_version=name)
    known: Sequence[object] = ()
    while not known:
        known = (await client.workflow_service.describe_worker_deployment_version(request)).version_task_queues


async def test_a_stop_while_queues_are_registered_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a new folder's stack is stopped the moment it is ready."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with running_stack(tmp_path / "stack", up=UP) as stack:
        client = await Client.connect(stack.urls["temporal"])
        async with polling(client), asyncio.timeout(30):
            await anything_registered(client)
    began = time.monotonic()
    async with running_stack(tmp_path / "stack", up=UP) as stack:
        client = await Client.connect(stack.urls["temporal"])
        async with polling(client), asyncio.timeout(120):
            await client.execute_workflow(Answer.run, id="after-the-stop", task_queue=QUEUES[-1])
            took = time.monotonic() - began
    assert took < LOST_TASK_SECONDS
