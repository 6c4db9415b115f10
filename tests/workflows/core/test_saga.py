"""The saga kernel under cancellation, beside the shapes that lose compensations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.sandbox import RUNNER
from tests.workflows.core import kernel_workflows as shapes

COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
TOLD = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
QUEUE = "kernel"


@asynccontextmanager
async def running(
    env: WorkflowEnvironment, effects: shapes.Effects, shape: type[shapes.Shape], *args: Any
) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    async with Worker(
        env.client, task_queue=QUEUE, workflows=shapes.ALL, activities=[effects.effect], workflow_runner=RUNNER
    ):
        yield await env.client.start_workflow(shape.__name__, args=list(args), id=shape.__name__, task_queue=QUEUE)


async def ended(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionStatus | None:
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)
    return (await handle.describe()).status


async def told(handle: WorkflowHandle[Any, Any], of: EventType.ValueType, count: int = 1) -> None:
    """Wait until the workflow has been told of so many events of a kind: it knows of them later than the test."""
    for _ in range(400):
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        places = [place for place, kind in enumerate(kinds) if kind == of]
        if len(places) >= count and TOLD in kinds[places[count - 1] :]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError([EventType.Name(kind) for kind in kinds])


async def seen(effects: shapes.Effects, count: int) -> None:
    for _ in range(400):
        if len(effects.log) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(effects.log)


@pytest.mark.parametrize("shape", [shapes.ExceptException, shapes.ExceptActivityError])
async def test_naive_except_loses_the_compensation(skipping: WorkflowEnvironment, shape: type) -> None:
    """`except Exception` does not catch a cancel while waiting: the seats are never released."""
    effects = shapes.Effects()
    async with running(skipping, effects, shape) as handle:
        await told(handle, COMPLETED)
        await handle.cancel()
        assert await ended(handle) == WorkflowExecutionStatus.CANCELED
    assert effects.log == ["reserve"]


async def test_naive_shield_loses_the_later_compensations(skipping: WorkflowEnvironment) -> None:
    """A cancel during shielded compensations closes the workflow: the later ones are never scheduled."""
    effects = shapes.Effects()
    effects.gate("cancel order")
    async with running(skipping, effects, shapes.ShieldedCompensations) as handle:
        await effects.started["cancel order"].wait()
        await handle.cancel()
        await ended(handle)
        effects.gates["cancel order"].set()
        await asyncio.sleep(0.3)
    assert "release" not in effects.log


async def test_naive_try_cancel_lets_the_effect_land_after_its_undo(skipping: WorkflowEnvironment) -> None:
    """Under TRY_CANCEL the undo overtakes the step: release, then reserve."""
    effects = shapes.Effects()
    effects.gate("reserve")
    async with running(skipping, effects, shapes.TryCancelStep) as handle:
        await effects.started["reserve"].wait()
        await handle.cancel()
        await seen(effects, 1)
        effects.gates["reserve"].set()
        await seen(effects, 2)
        await ended(handle)
    assert effects.log == ["release", "reserve"]


async def test_naive_wait_for_cancellation_swallows_the_cancel(skipping: WorkflowEnvironment) -> None:
    """With WAIT_CANCELLATION_COMPLETED the step ends well, the cancel is lost and the next step runs."""
    effects = shapes.Effects()
    effects.gate("reserve")
    async with running(skipping, effects, shapes.WaitCancellationStep) as handle:
        await effects.started["reserve"].wait()
        await handle.cancel()
        await told(handle, CANCEL_REQUESTED)
        effects.gates["reserve"].set()
        await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)
    assert effects.log == ["reserve", "next step"]


async def test_a_cancel_while_waiting_compensates_in_reverse(skipping: WorkflowEnvironment) -> None:
    """A cancel while waiting undoes every step, the last one first."""
    effects = shapes.Effects()
    async with running(skipping, effects, shapes.Kernel, "place order") as handle:
        await told(handle, COMPLETED, 2)
        await handle.cancel()
        assert await ended(handle) == WorkflowExecutionStatus.CANCELED
    assert effects.log == ["reserve", "place order", "cancel order", "release"]


async def test_a_cancel_during_compensation_loses_nothing(skipping: WorkflowEnvironment) -> None:
    """A cancel that arrives during the compensations does not stop them."""
    effects = shapes.Effects()
    effects.gate("cancel order")
    async with running(skipping, effects, shapes.Kernel, "fail") as handle:
        await effects.started["cancel order"].wait()
        await handle.cancel()
        await told(handle, CANCEL_REQUESTED)
        effects.gates["cancel order"].set()
        await ended(handle)
    assert effects.log == ["reserve", "cancel order", "release"]


async def test_a_cancel_during_a_step_waits_for_the_step(skipping: WorkflowEnvironment) -> None:
    """A cancel during a step waits for its effect: reserve, then release."""
    effects = shapes.Effects()
    effects.gate("reserve")
    async with running(skipping, effects, shapes.Kernel, "place order") as handle:
        await effects.started["reserve"].wait()
        await handle.cancel()
        await told(handle, CANCEL_REQUESTED)
        assert effects.log == []
        effects.gates["reserve"].set()
        assert await ended(handle) == WorkflowExecutionStatus.CANCELED
    assert effects.log == ["reserve", "release"]


async def test_a_failed_step_is_undone_too(skipping: WorkflowEnvironment) -> None:
    """The undo of a failed step runs, because its effect may have happened."""
    effects = shapes.Effects()
    async with running(skipping, effects, shapes.Kernel, "fail") as handle:
        assert await ended(handle) == WorkflowExecutionStatus.FAILED
    assert effects.log == ["reserve", "cancel order", "release"]


async def test_a_bug_is_never_compensated(skipping: WorkflowEnvironment) -> None:
    """A bug leaves the workflow open and compensates nothing."""
    effects = shapes.Effects()
    async with running(skipping, effects, shapes.Kernel, "bug") as handle:
        await seen(effects, 1)
        await asyncio.sleep(0.5)
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        await handle.terminate()
    assert effects.log == ["reserve"]


async def test_after_the_pivot_nothing_is_undone(skipping: WorkflowEnvironment) -> None:
    """A failure after the pivot compensates nothing."""
    effects = shapes.Effects()
    async with running(skipping, effects, shapes.PivotedKernel) as handle:
        await ended(handle)
    assert effects.log == ["reserve"]
