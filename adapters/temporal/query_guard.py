"""A query never lets a workflow run ahead of its history: Temporal's library would, and no replay fits after that.

Decision 0088 has the order of events. A query that comes by itself may bring news that no task has brought yet, and the
library hands the workflow such news as if a task had. Each task tells the size of the history, so news with the size
of before came with a query: it is refused. Upon that the library forgets the state, and the task builds it anew.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

WITHOUT_TASK = "legacy_query"  # the library's id of a query that comes by itself, not with a workflow task
ASK_AGAIN = "the workflow has news that it has not seen yet: ask again"
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 2.0)  # seconds; a task that the worker lost is given away after five


async def ask(
    handle: WorkflowHandle[Any, Any], query: str, result_type: type | None = None, pauses: Sequence[float] = PAUSES
) -> Any:
    """Return a query's answer; ask again, after pauses, while the workflow has news that it has not seen."""
    try:
        return await handle.query(query, result_type=result_type)
    except WorkflowQueryFailedError as failed:
        if failed.message != ASK_AGAIN or not pauses:
            raise
    await asyncio.sleep(pauses[0])
    return await ask(handle, query, result_type, pauses[1:])


class PassedOn(WorkflowInstance):
    """An instance that passes everything on to another one."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Run the workflow until it waits again."""
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:
        """Return what the converter is told about a command."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """Return what a store of large payloads is told about a command."""
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Return the workflow's own data."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread that the workflow runs on, if it does."""
        return self._inner.get_thread_id()


class QueryGuard(WorkflowRunner):
    """Runs workflows as another runner does, and refuses queries that let them run ahead."""

    def __init__(self, inner: WorkflowRunner) -> None:
        self._inner = inner

    def prepare_workflow(self, defn: Any) -> None:
        """Prepare a kind of workflow."""
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow, guarded."""
        return _Guarded(self._inner.create_instance(det))

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Tell which errors end a workflow."""
        self._inner.set_worker_level_failure_exception_types(types)


class _Guarded(PassedOn):
    """Knows news that no task brought by a history that has grown in length but not, as tasks tell it, in size."""

    _length = _size = 0  # of the history, as the last activation told
    _is_ahead = False

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if act.history_length > self._length:
            self._is_ahead = not act.is_replaying and act.history_size_bytes == self._size
        self._length, self._size = act.history_length, act.history_size_bytes
        if self._is_ahead and any(job.query_workflow.query_id == WITHOUT_TASK for job in act.jobs):
            refused = WorkflowActivationCompletion()
            refused.failed.failure.message = ASK_AGAIN
            return refused
        return super().activate(act)
