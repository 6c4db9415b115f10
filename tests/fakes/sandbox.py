"""The sandbox of the worlds and of the replays."""

from typing import Any, ClassVar

from temporalio.worker import UnsandboxedWorkflowRunner
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


class WorldRunner(PreparedOnceRunner):
    """The sandbox of the worlds; the fast tier leaves it out: a third of its work is loading modules.

    What a workflow may not use is still refused there: each recorded history is replayed in the restricted sandbox.
    """

    is_fast: ClassVar[bool] = False

    def prepare_workflow(self, defn: Any) -> None:
        """Load a workflow on trial where it will run in the sandbox."""
        if not self.is_fast:
            super().prepare_workflow(defn)

    def create_instance(self, det: Any) -> Any:
        """Return a workflow in the sandbox, or in the fast tier one without."""
        return UnsandboxedWorkflowRunner().create_instance(det) if self.is_fast else super().create_instance(det)


RUNNER = PreparedOnceRunner(restrictions=restricted("tests").restrictions)
WORLD_RUNNER = WorldRunner(restrictions=RUNNER.restrictions)
