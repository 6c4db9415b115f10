"""Temporal's sandbox for workflows, which is left alone where there is nothing to decide in it.

For each payload the library asks in the sandbox in whose name it is encoded: an eighth of the worker's processor time.
Only codecs and external storage want to know; our data converter has neither.
"""

from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

NO_CONTEXT = StorageDriverStoreContext(target=None)


class FastSandboxRunner(SandboxedWorkflowRunner):
    """The library's sandbox; what runs in it is guarded as ever."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance of the library that is not asked about payloads."""
        return _NoContext(super().create_instance(det))


class _NoContext(WorkflowInstance):
    """A workflow in the sandbox; payloads belong to nobody in particular."""

    def __init__(self, inside: WorkflowInstance) -> None:
        self._inside = inside

    def activate(self, act: Any) -> Any:
        """Let the workflow go on."""
        return self._inside.activate(act)

    def get_serialization_context(self, command_info: Any) -> None:
        """Name no context: no codec asks for one."""

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ARG002 - the library's signature
        """Name no owner: nothing is stored outside."""
        return NO_CONTEXT

    def get_info(self) -> Info:
        """Return what the workflow knows of itself."""
        return self._inside.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread that it runs on, by which a deadlock is told."""
        return self._inside.get_thread_id()
