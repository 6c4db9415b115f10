"""A query never lets a workflow run ahead of its history: decision 0088."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.core.task_queues import PURCHASES
from adapters.temporal.query_guard import ASK_AGAIN, QueryGuard, ask
from tests.fakes.engines import dev_server
from tests.fakes.patience import PATIENCE_SECONDS
from worker import build_worker

QUEUE, PAUSE, MANY = "asked", 1.0, 8
METADATA = "__temporal_workflow_metadata"  # what the web UI asks when a workflow's page is opened
UNGUARDED = UnsandboxedWorkflowRunner()
Handle = WorkflowHandle[Any, Any]


@activity.defn(name="look")
async def look() -> int:
    return 1


@activity.defn(name="record")
async def record() -> str:
    return "recorded"


@workflow.defn(name="LooksAfterPauses")
class LooksAfterPauses:
    """Looks after each pause; an update records something beside that. Both are local steps."""

    def __init__(self) -> None:
        self._woken = False

    @workflow.query
    def is_woken(self) -> bool:
        return self._woken

    @workflow.update
    async def act(self) -> str:
        self._woken = True
        return cast("str", await workflow.execute_local_activity(record, start_to_close_timeout=timedelta(seconds=9)))

    @workflow.run
    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._woken, timeout=PAUSE)
            self._woken = False
            await workflow.execute_local_activity(look, start_to_close_timeout=timedelta(seconds=9))


@pytest.fixture
async def engine() -> AsyncIterator[WorkflowEnvironment]:
    async with await dev_server() as server:
        yield server


def worker_of(engine: WorkflowEnvironment, runner: WorkflowRunner) -> Worker:
    return Worker(
        engine.client, task_queue=QUEUE, workflows=[LooksAfterPauses], activities=[look, record], workflow_runner=runner
    )


async def seen(handle: Handle, kind: "EventType.ValueType") -> None:
    """Wait for an event of a kind."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_type == kind:
                return


async def asked_while_away(engine: WorkflowEnvironment, runner: WorkflowRunner) -> list[bool]:
    """Ask and act while no worker serves, and a timer fires meanwhile; return which histories fit their code."""
    async with worker_of(engine, UNGUARDED):
        handles: list[Handle] = [
            await engine.client.start_workflow(
                LooksAfterPauses.run, id=f"{runner}/{number}", task_queue=QUEUE, task_timeout=timedelta(seconds=2)
            )
            for number in range(MANY)
        ]
        await asyncio.gather(*(seen(handle, EventType.EVENT_TYPE_TIMER_STARTED) for handle in handles))
    looks = [asyncio.create_task(handle.query(METADATA)) for handle in handles]
    await asyncio.gather(*(seen(handle, EventType.EVENT_TYPE_TIMER_FIRED) for handle in handles))
    acts = [asyncio.create_task(handle.execute_update(LooksAfterPauses.act)) for handle in handles]
    await asyncio.sleep(0.3)
    async with worker_of(engine, runner):
        assert await asyncio.wait_for(asyncio.gather(*acts), PATIENCE_SECONDS) == ["recorded"] * MANY
        await asyncio.gather(*looks, return_exceptions=True)
    replayer = Replayer(workflows=[LooksAfterPauses], workflow_runner=UNGUARDED)
    fits = [
        (await replayer.replay_workflow(await handle.fetch_history(), raise_on_replay_failure=False)).replay_failure
        is None
        for handle in handles
    ]
    await asyncio.gather(*(handle.terminate() for handle in handles))
    return fits


@pytest.mark.slow  # waits for real timeouts
async def test_a_query_that_brings_news_is_refused_before_the_workflow_runs_ahead(engine: WorkflowEnvironment) -> None:
    """Without the guard some histories fit no code any more."""
    assert not all(await asked_while_away(engine, UNGUARDED))
    assert all(await asked_while_away(engine, QueryGuard(UNGUARDED)))


async def test_every_worker_of_ours_has_the_guard(engine: WorkflowEnvironment) -> None:
    class Looks:
        def on(self, _: str) -> list[Any]:
            return [look]

    looks: Any = Looks()
    built = build_worker(engine.client, PURCHASES, looks)
    assert isinstance(built.config()["workflow_runner"], QueryGuard)


async def test_a_query_without_news_is_answered_at_any_time(engine: WorkflowEnvironment) -> None:
    """While the workflow is kept, after an act, and after its state was forgotten."""
    guarded = QueryGuard(UNGUARDED)
    async with worker_of(engine, guarded):
        handle = await engine.client.start_workflow(LooksAfterPauses.run, id="asked", task_queue=QUEUE)
        for _ in range(20):
            assert await handle.query(METADATA) is not None
            await handle.execute_update(LooksAfterPauses.act)
            assert await handle.query(LooksAfterPauses.is_woken) is False
    async with worker_of(engine, guarded):
        assert await handle.query(LooksAfterPauses.is_woken) is False
    await handle.terminate()


async def test_an_operator_asks_again_until_the_news_are_seen() -> None:
    """Another failure is told at once."""

    class Busy:
        def __init__(self, *refusals: str) -> None:
            self.refusals = list(refusals)

        async def query(self, name: str, result_type: type | None) -> str:
            if self.refusals:
                raise WorkflowQueryFailedError(self.refusals.pop())
            return name

    busy: Any = Busy(ASK_AGAIN, ASK_AGAIN)
    assert await ask(busy, "operator_status") == "operator_status"
    busy = Busy("it is broken", ASK_AGAIN)
    with pytest.raises(WorkflowQueryFailedError, match="it is broken"):
        await ask(busy, "operator_status")
