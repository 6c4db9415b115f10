"""Temporal's workflow sandbox without the context lookups for payloads.

For each payload the library looks up a serialization context in the sandbox: an eighth of the worker's processor time.
Only codecs and external storage need it; our data converter has neither.
"""

from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

NO_CONTEXT = StorageDriverStoreContext(target=None)


class FastSandboxRunner(SandboxedWorkflowRunner):
    """The library's sandbox, with the same restrictions on workflow code."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance without payload contexts."""
        return _ContextFreeInstance(super().create_instance(det))


class _ContextFreeInstance(WorkflowInstance):
    """A workflow in the sandbox whose payloads have no context."""

    def __init__(self, inside: WorkflowInstance) -> None:
        self._inside = inside

    def activate(self, act: Any) -> Any:
        """Run the workflow's next activation."""
        return self._inside.activate(act)

    def get_serialization_context(self, command_info: Any) -> None:
        """Return no context: no codec needs one."""

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ARG002 - the library's signature
        """Return an empty context: no payload is stored externally."""
        return NO_CONTEXT

    def get_info(self) -> Info:
        """Return the workflow's own information."""
        return self._inside.get_info()

    def get_thread_id(self) -> int | None:
        """Return the workflow's thread, for the deadlock report."""
        return self._inside.get_thread_id()
