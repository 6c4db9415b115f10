"""A stage: the world of fakes, replaceable workers, one fault, and a clock that waits for running activities."""

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.core.task_queues import PURCHASES
from tests.fakes.world import SagaWorld
from tests.matrix.faults import CANCELLING, REPLACING, Faults
from tests.matrix.next_version import NEXT_VERSION
from workflows.core.search_attributes import NEEDS_OPERATOR, STAGE

CACHED = 100
TASK_TIMEOUT = timedelta(seconds=30)  # a local activity's five seconds pass on another clock than the server's
STEP_SECONDS = 3.0  # below the heartbeat's and the workflow task's timeout, so that a step alone breaks nothing
LOOK_SECONDS = 0.05
SECONDS_MAX = 60.0
SKIPPED_MAX = timedelta(seconds=900)


class Stage:
    """Runs one scene under one fault. `skipped` is the lead of the server's clock over the real one."""

    seconds_max = SECONDS_MAX

    def __init__(self, server: WorkflowEnvironment, faults: Faults) -> None:
        self.server = server
        self.client: Client = server.client
        self.faults = faults
        self.world = SagaWorld(server)
        self.world.store._clock = lambda: datetime.now(UTC) + self.skipped
        self.world.poll_seconds = 15
        self.skipped = timedelta()
        self.handle: WorkflowHandle[Any, Any] | None = None
        self.ended: WorkflowHandle[Any, Any] | None = None  # the run that was ended by force
        self._begun: list[WorkflowHandle[Any, Any]] = []
        self.mark = 0
        self.reached: set[str] = set()
        self.calls: list[bool] = []
        # The time-skipping server keeps a sticky task for a dead worker with a cache; a worker that dies has none.
        self._cached = 0 if faults.fault in REPLACING else CACHED
        self._workers = AsyncExitStack()
        self._disturbing: asyncio.Task[None] | None = None
        faults.chain = self.world.chain
        _interleave(self.world, faults)

    async def __aenter__(self) -> Self:
        await self._start(None, "one")
        self._disturbing = asyncio.create_task(self._disturb())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._disturbing is not None:
            self._disturbing.cancel()
        await self.faults.land()
        await self._workers.aclose()

    async def _start(self, workflows: Sequence[type] | None, build_id: str) -> None:
        self._workers = AsyncExitStack()
        running = self.world.running(
            self.faults, workflows, max_cached_workflows=self._cached, identity=f"worker {build_id}"
        )
        await self._workers.enter_async_context(running)

    async def _disturb(self) -> None:
        """Replace the workers or cancel the workflow, as the fault requires, once its activity is reached."""
        await self.faults.stood.wait()
        if self.faults.fault in REPLACING:
            closing = asyncio.create_task(self._workers.aclose())
            await asyncio.sleep(0)
            self.faults.gone.set()
            await closing
            is_next = self.faults.fault == "replaced"
            await self._start(NEXT_VERSION if is_next else None, "two" if is_next else "one again")
        if self.faults.fault in CANCELLING and self.handle is not None:
            await self.handle.cancel()
            await asyncio.sleep(0.1)
            self.faults.gone.set()

    async def begin(self, workflow_id: str, run: Any, start: Any) -> WorkflowHandle[Any, Any]:
        """Start the cell's workflow."""
        self.mark = len(self.faults.ran)
        self.handle = await self.client.start_workflow(
            run, start, id=workflow_id, task_queue=PURCHASES, task_timeout=TASK_TIMEOUT
        )
        self._begun.append(self.handle)
        return self.handle

    async def until(self, done: Callable[[], bool]) -> None:
        """Let time pass until a condition holds; move the clock only when no activity runs."""
        limit = time.monotonic() + self.seconds_max
        while time.monotonic() < limit and self.skipped < SKIPPED_MAX:
            before = len(self.faults.ran)
            await asyncio.sleep(LOOK_SECONDS)
            if done():
                return
            if len(self.faults.ran) == before:
                await self.step()
        raise AssertionError(f"the condition did not hold within {self.skipped}: {Counter(self.faults.ran)}")

    async def step(self) -> None:
        """Move the server's clock, unless an activity runs."""
        if self.faults.is_quiet:
            await self.server.sleep(timedelta(seconds=STEP_SECONDS))
            self.skipped += timedelta(seconds=STEP_SECONDS)

    async def left_first_stage(self) -> None:
        """Let time pass until the workflow has left its first stage."""
        assert self.handle is not None
        while (await self.handle.describe()).typed_search_attributes.get(STAGE) is None:
            await asyncio.sleep(LOOK_SECONDS)
            await self.step()

    async def end(self) -> Any:
        """Wait for the workflow's result; None if it was cancelled or failed."""
        assert self.handle is not None
        result = asyncio.create_task(self.handle.result())
        try:
            await self.until(result.done)
            return await result
        except WorkflowFailureError:
            return None
        finally:
            result.cancel()

    async def give_back(self) -> None:
        """End the scene and its late effects, and run the refunds that it leaves, as the relay does."""
        await self.faults.land()
        self.reached = {*self.faults.ran[self.mark :]}
        for handle in await self.world.start_refunds(self.client):
            refunding = asyncio.create_task(handle.result())
            await self.until(refunding.done)
            await refunding

    async def operator_flags(self) -> list[bool]:
        """Return the values that the workflow set for needing an operator, in order; a next run begins without."""
        flags = []
        for run in self._begun:
            flags.append(False)
            async for event in run.fetch_history_events():
                upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
                if NEEDS_OPERATOR.name in upserted:
                    flags.append(upserted[NEEDS_OPERATOR.name].data == b"true")
        return flags


def _interleave(world: SagaWorld, faults: Faults) -> None:
    """Yield to other tasks at every call of event store, Stripe and chain, as network calls do."""
    for fake in (world.store, world.gateway, world.chain):
        for name in dir(fake):
            method = getattr(fake, name)
            if not name.startswith("_") and asyncio.iscoroutinefunction(method):
                around = functools.partial(faults.at_store, name) if fake is world.store else None
                setattr(fake, name, _yielding(method, around))


def _yielding(method: Any, around: Callable[[Callable[[], Any]], Any] | None) -> Any:
    async def call(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0.001)
        result = await (around(lambda: method(*args, **named)) if around else method(*args, **named))
        await asyncio.sleep(0.001)
        return result

    return call
