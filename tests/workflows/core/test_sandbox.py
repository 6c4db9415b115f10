"""The sandbox refuses workflow code whatever may differ at a replay."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from adapters.temporal.sandbox import Sandbox, runner_of
from tests.workflows.core.forbidden import READS, Forbidden


async def run(env: WorkflowEnvironment, name: str, sandbox: Sandbox) -> str:
    worker = Worker(
        env.client,
        task_queue=sandbox,
        workflows=[Forbidden],
        workflow_runner=runner_of(sandbox),
        workflow_failure_exception_types=[RestrictedWorkflowAccessError],
    )
    async with worker:
        return await env.client.execute_workflow(Forbidden.run, name, id=f"{sandbox}/{name}", task_queue=sandbox)


@pytest.mark.parametrize("name", READS)
async def test_workflow_code_is_refused_what_may_differ_at_a_replay(skipping: WorkflowEnvironment, name: str) -> None:
    """A clock, a random number, the environment and a file are refused by name."""
    with pytest.raises(WorkflowFailureError) as failed:
        await run(skipping, name, "restricted")
    assert f"Cannot access {name}" in str(failed.value.cause)


async def test_without_the_sandbox_nothing_is_refused(skipping: WorkflowEnvironment) -> None:
    """The setting "none" runs workflow code as it is."""
    assert float(await run(skipping, "time.time", "none")) > 0
