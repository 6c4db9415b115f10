"""Temporal's sandbox, which refuses workflow code a clock, random numbers and IO (decision 0051).

The modules of `workflows/` are loaded again for each run, so that the sandbox sees what they use. Those that they
import are shared by all runs: their import contracts already leave them nothing that could differ at a replay.
"""

from typing import Literal

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

Sandbox = Literal["restricted", "none"]
PASSED_THROUGH = ("domain", "activities", "eventsourcing")


def restricted(*passed_through: str) -> SandboxedWorkflowRunner:
    """Return the sandbox of workflow code; more modules may be passed through."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, *passed_through)
    )


def runner_of(sandbox: Sandbox) -> WorkflowRunner:
    """Return how a worker runs workflow code."""
    return restricted() if sandbox == "restricted" else UnsandboxedWorkflowRunner()
