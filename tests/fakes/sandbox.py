"""The sandbox of the worlds and of the replays."""

from typing import Any, ClassVar

from adapters.temporal.sandbox import FastSandboxRunner
from worker import sandbox


class PreparedOnceRunner(FastSandboxRunner):
    """The worker's sandbox; it loads each workflow on trial once per process, not once per worker of a test."""

    prepared: ClassVar[set[type]] = set()

    def prepare_workflow(self, defn: Any) -> None:
        """Load a workflow on trial, unless that has been done."""
        if defn.cls not in self.prepared:
            super().prepare_workflow(defn)
            self.prepared.add(defn.cls)


RUNNER = PreparedOnceRunner(restrictions=sandbox("tests").restrictions)
