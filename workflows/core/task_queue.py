"""Declares a workflow: its stored name, the task queue whose worker runs it, and who starts it again."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow

WorkflowClass = TypeVar("WorkflowClass", bound=type)
MARK = "__task_queue__"
RESTARTED_BY = "__restarted_by__"
SCHEDULE = "schedule "


def workflow_on(queue: str, *, name: str, restarted_by: str) -> Callable[[WorkflowClass], WorkflowClass]:
    """Declare a workflow.

    One that is ended by force comes back: `restarted_by` is the loop of the relay that finds in the events that it
    should run, and starts it, or `schedule NAME`, whose next round does its work.
    """

    def declare(kind: WorkflowClass) -> WorkflowClass:
        setattr(kind, MARK, queue)
        setattr(kind, RESTARTED_BY, restarted_by)
        return workflow.defn(name=name)(kind)

    return declare
