"""An operator of the tests: acts on a workflow as the CLI does, in the stage that it saw."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.core.acts import ActKind
from adapters.temporal.query_guard import ask
from tests.fakes.patience import PATIENCE_SECONDS
from workflows.core.operator_status import OperatorView

LOGIN = "anna"
Handle = WorkflowHandle[Any, Any]


async def seen_by_operator(handle: Handle) -> OperatorView:
    """Return what an operator sees of a workflow."""
    view: OperatorView = await ask(handle, "operator_status", OperatorView)
    return view


async def operate(handle: Handle, kind: ActKind[Any], *, stage: str | None = None, **own: Any) -> str:
    """Send an act, by default in the present stage; return the sentence about its outcome."""
    seen = stage if stage is not None else (await seen_by_operator(handle)).stage
    act = kind.model(operator=LOGIN, reason="a test wants it", stage=seen, **own)
    outcome: str = await handle.execute_update(kind.name, act, result_type=str)
    return outcome


async def operate_in(handle: Handle, kind: ActKind[Any], stage: str, **own: Any) -> str:
    """Act in a stage: wait for it, and again where the workflow has left it by itself before the act came."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if (await seen_by_operator(handle)).stage == stage:
                try:
                    return await operate(handle, kind, stage=stage, **own)
                except WorkflowUpdateFailedError as failure:
                    if "look again" not in sentence_of(failure):
                        raise
            await asyncio.sleep(0.1)


async def refused(handle: Handle, kind: ActKind[Any], *, stage: str | None = None, **own: Any) -> str:
    """Send an act that is refused; return the sentence."""
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await operate(handle, kind, stage=stage, **own)
    return sentence_of(failure.value)


async def refused_raw(handle: Handle, name: str, *given: Any) -> str:
    """Send any inputs to an update, as the web UI or a person may; return the sentence of its refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await handle.execute_update(name, args=list(given), result_type=str)
    return sentence_of(failure.value)


def sentence_of(failure: WorkflowUpdateFailedError) -> str:
    """Return the sentence of a refusal; it is all that a person is shown, without a stack trace."""
    if not isinstance(failure.cause, ApplicationError):
        return repr(failure.cause)
    assert failure.cause.failure is not None
    assert failure.cause.failure.stack_trace == ""
    return failure.cause.message
