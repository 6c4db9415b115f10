"""Declares a workflow: its stored name, its task queue, its owner, its first stage, and who starts it again."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow

from workflows.core.runs.long_runs import with_long_runs
from workflows.core.search_attributes import OwnerKind

WorkflowClass = TypeVar("WorkflowClass", bound=type)
MARK = "__task_queue__"
OWNER = "__owner__"
FIRST_STAGE = "__first_stage__"
RESTARTED_BY = "__restarted_by__"
SCHEDULE = "schedule "


def workflow_on(
    queue: str, *, name: str, owner: OwnerKind, stage: str, restarted_by: str
) -> Callable[[WorkflowClass], WorkflowClass]:
    """Declare a workflow; it begins at a stage and is found under the ids of its owner.

    One that is ended by force comes back: `restarted_by` is the loop of the relay that finds in the events that it
    should run, and starts it, or `schedule NAME`, whose next round does its work.
    """

    def declare(kind: WorkflowClass) -> WorkflowClass:
        setattr(kind, MARK, queue)
        setattr(kind, OWNER, owner)
        setattr(kind, FIRST_STAGE, stage)
        setattr(kind, RESTARTED_BY, restarted_by)
        return workflow.defn(name=name)(with_long_runs(kind))

    return declare


def owner_of(kind: type) -> OwnerKind:
    """Return the owner of a kind of workflow."""
    owner: OwnerKind = getattr(kind, OWNER)
    return owner


def first_stage_of(kind: type) -> str:
    """Return the stage at which a kind of workflow begins."""
    return str(getattr(kind, FIRST_STAGE))
