"""Declares a workflow: its stored name and the task queue whose worker runs it."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow

WorkflowClass = TypeVar("WorkflowClass", bound=type)
MARK = "__task_queue__"


def workflow_on(queue: str, *, name: str) -> Callable[[WorkflowClass], WorkflowClass]:
    """Declare a workflow."""

    def declare(kind: WorkflowClass) -> WorkflowClass:
        setattr(kind, MARK, queue)
        return workflow.defn(name=name)(kind)

    return declare
