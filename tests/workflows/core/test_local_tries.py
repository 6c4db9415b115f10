"""Local tries end before their workflow task is renewed: decision 0086."""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

import workflows
from activities.core.commands import PurchaseRef
from activities.core.failures import FailureInterceptor
from activities.core.task_queues import PURCHASES
from activities.payments.intent import PaymentActivities
from domain.core.transient import TransientError
from tests.fakes.engines import dev_server
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.sandbox import RUNNER
from tests.workflows.core.renewed_tasks import PAUSE, QUEUE, LooksAndRecords
from workflows.core.activity_calls import LOCAL_PAUSE_MAX, STORE, STRIPE_LOCAL_FIRST, ActivityCaller, CallPolicy
from workflows.core.operator_status import OperatorStatus
from workflows.core.runs.long_runs import RunHistory
from workflows.purchase import TASK_TIMEOUT

RENEWED_AFTER = 0.8  # of the task's timeout: the library's WFT_HEARTBEAT_TIMEOUT_FRACTION
LONG = timedelta(seconds=30)
AT_ONCE, LATE, HANGS = "fails at once", "fails late, then hangs", "hangs"
RENEWED = timedelta(seconds=2)  # the timeout of the tasks of the last test
POLICIES = {
    "store": STORE,
    "stripe": STRIPE_LOCAL_FIRST,
    "too long": STORE._replace(local=LONG),
}
COMPLETED, SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
Handle = WorkflowHandle[Any, Any]


@pytest.fixture
async def engine() -> AsyncIterator[WorkflowEnvironment]:
    async with await dev_server() as server:
        yield server


def policies() -> dict[str, CallPolicy]:
    """Return every policy that a module of the workflows names."""
    modules = [importlib.import_module(one.name) for one in pkgutil.walk_packages(workflows.__path__, "workflows.")]
    named = {f"{module.__name__}.{name}": value for module in modules for name, value in vars(module).items()}
    return {name: value for name, value in named.items() if isinstance(value, CallPolicy)}


def test_every_policy_ends_its_local_tries_before_the_task_is_renewed() -> None:
    """The shortest task timeout is that of purchases."""
    limit = TASK_TIMEOUT * RENEWED_AFTER
    local = {name: policy.local for name, policy in policies().items() if policy.local is not None}
    assert {name: tries for name, tries in local.items() if tries + LOCAL_PAUSE_MAX >= limit} == {}
    assert len(local) > 1


class Ill:
    """A step that fails at once; or so late that its time ends in the pause, and hangs when tried again; or hangs."""

    @activity.defn(name="look_at_intent")
    async def look_at_intent(self, purchase: PurchaseRef) -> None:
        policy, how = purchase.purchase_id.split("/")
        limit = POLICIES[policy].local
        assert limit is not None
        if how == HANGS or (how == LATE and activity.info().attempt > 1):
            await asyncio.sleep(60)
        elif how == LATE:
            await asyncio.sleep(limit.total_seconds() - 0.05)
        raise TransientError(how)


@workflow.defn(name="CallsIllStep")
class CallsIllStep:
    """Calls the step once, first locally."""

    @workflow.run
    async def run(self, purchase: PurchaseRef) -> None:
        caller = ActivityCaller(OperatorStatus("calling", tuple), RunHistory())
        policy = POLICIES[purchase.purchase_id.split("/")[0]]
        await caller.attempt(PaymentActivities.look_at_intent, purchase, policy, "an ill step")


async def is_renewed(handle: Handle) -> bool:
    """Wait for a task renewed with nothing to tell (its end is followed by the next), or for the end of local tries."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            kinds = [event.event_type async for event in handle.fetch_history_events()]
            if (COMPLETED, SCHEDULED) in pairwise(kinds):
                return True
            if EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED in kinds:
                return False
            await asyncio.sleep(0.2)


@pytest.mark.slow  # waits for real timeouts
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_step_that_is_ill_does_not_renew_its_task(engine: WorkflowEnvironment, is_guarded: bool) -> None:  # noqa: FBT001
    """However it fails. One that may try for longer does; so does one whose late tries nobody ends."""
    worker = Worker(
        engine.client,
        task_queue=PURCHASES,
        workflows=[CallsIllStep],
        activities=[Ill().look_at_intent],
        interceptors=[FailureInterceptor()] if is_guarded else [],
        workflow_runner=RUNNER,
        graceful_shutdown_timeout=timedelta(0),
    )
    async with worker:
        handles: dict[str, Handle] = {}
        for way in (f"{policy}/{how}" for policy in POLICIES for how in (AT_ONCE, LATE, HANGS)):
            purchase = PurchaseRef(tenant_id="default", purchase_id=way, attempt=1)
            handles[way] = await engine.client.start_workflow(
                CallsIllStep.run, purchase, id=way, task_queue=PURCHASES, task_timeout=TASK_TIMEOUT
            )
        renewed = dict(zip(handles, await asyncio.gather(*map(is_renewed, handles.values())), strict=True))
        for handle in handles.values():
            await handle.terminate()
    found = {way for way, is_so in renewed.items() if is_so} - {f"too long/{LATE}", f"too long/{HANGS}"}
    assert len(found) == sum(renewed.values()) - 2
    assert found <= {f"store/{LATE}", f"stripe/{LATE}"}
    assert bool(found) is not is_guarded  # on a busy machine one of the two may be late for its fault


@pytest.mark.nightly  # kills processes in the middle of their tasks
@pytest.mark.parametrize("local_seconds", [RENEWED.total_seconds() * 10, 1.2])
async def test_a_renewed_task_that_is_lost_leaves_a_history_that_no_worker_can_replay(
    engine: WorkflowEnvironment, local_seconds: float
) -> None:
    """A fault of Temporal's library, and why local tries are short.

    A timer fires while a task is renewed, the worker dies, and an update comes to the next one: it runs the update
    before what the timer woke, and a replay runs it after. When the first case fails here, the library is mended.
    """
    fits = local_seconds < RENEWED.total_seconds() * RENEWED_AFTER
    address = engine.client.service_client.config.target_host
    worker = await served(address, 60)
    handle: Handle = await engine.client.start_workflow(
        LooksAndRecords.run, local_seconds, id="it", task_queue=QUEUE, task_timeout=RENEWED
    )
    await asyncio.sleep(0.3)
    acts = [asyncio.create_task(handle.execute_update(LooksAndRecords.act, local_seconds))]
    if fits:
        await asyncio.sleep(2 * PAUSE)
    else:
        await renewed_since_its_timer(handle)
    worker.kill()
    await worker.wait()
    acts.append(asyncio.create_task(handle.execute_update(LooksAndRecords.act, local_seconds)))
    await asyncio.sleep(0.5)
    worker = await served(address, 0)
    try:
        await asyncio.wait_for(asyncio.gather(*acts), PATIENCE_SECONDS)
    finally:
        worker.kill()
        await worker.wait()
    replayed = await Replayer(workflows=[LooksAndRecords]).replay_workflow(
        await handle.fetch_history(), raise_on_replay_failure=False
    )
    assert (replayed.replay_failure is None) == fits


async def renewed_since_its_timer(handle: Handle) -> None:
    """Wait until a timer has fired, and the task that it woke was renewed with nothing to tell."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            kinds = [event.event_type async for event in handle.fetch_history_events()]
            fired = EventType.EVENT_TYPE_TIMER_FIRED
            if fired in kinds and (COMPLETED, SCHEDULED) in pairwise(kinds[kinds.index(fired) :]):
                return
            await asyncio.sleep(0.1)


async def served(address: str, seconds: float) -> asyncio.subprocess.Process:
    """Start a worker whose calls take so long."""
    module = "tests.workflows.core.renewed_tasks"
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, address, str(seconds))
