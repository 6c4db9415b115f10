"""The sandbox of the worlds and of the replays."""

from typing import Any, ClassVar

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from adapters.temporal.sandbox import restricted


class PreparedOnceRunner(SandboxedWorkflowRunner):
    """The restricted sandbox; it loads each workflow on trial once per process, not once per worker of a test."""

    prepared: ClassVar[set[type]] = set()

    def prepare_workflow(self, defn: Any) -> None:
        """Load a workflow on trial, unless that has been done."""
        if defn.cls not in self.prepared:
            super().prepare_workflow(defn)
            self.prepared.add(defn.cls)


RUNNER = PreparedOnceRunner(restrictions=restricted("tests").restrictions)
