"""A server is kept for the next test, unless a test has left it unfit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import LockTimeSkippingRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.fakes.engines import PLAIN
from tests.fakes.kept_server import LEAD_MAX, KeptServer

DAY = timedelta(days=1)
SLEEPS = EventType.EVENT_TYPE_TIMER_STARTED


@workflow.defn(name="Sleeper")
class Sleeper:
    """A workflow that sleeps for a day."""

    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(DAY)


@pytest.fixture
async def kept() -> AsyncIterator[KeptServer]:
    made = KeptServer(PLAIN)
    yield made
    await made.close()


async def lent_next(kept: KeptServer) -> str:
    """Return the address of the server that the next test gets."""
    async with kept.lent() as server:
        return address_of(server)


def address_of(server: WorkflowEnvironment) -> str:
    return server.client.service_client.config.target_host


def working(server: WorkflowEnvironment) -> Worker:
    runner = UnsandboxedWorkflowRunner()
    return Worker(server.client, task_queue="queue", workflows=[Sleeper], workflow_runner=runner)


async def begin(server: WorkflowEnvironment) -> WorkflowHandle[Sleeper, None]:
    return await server.client.start_workflow(Sleeper.run, id="sleeper", task_queue="queue")


async def test_a_server_is_kept_and_a_test_sees_only_its_own_workflows(kept: KeptServer) -> None:
    async with kept.lent() as server, working(server):
        await (await begin(server)).result()
    async with kept.lent() as again:
        assert address_of(again) == address_of(server)
        with pytest.raises(RPCError, match="not found"):
            await again.client.get_workflow_handle("sleeper").describe()
    assert await lent_next(kept) == address_of(server)


async def test_open_work_is_left_to_no_other_test(kept: KeptServer) -> None:
    async with kept.lent() as server, working(server):
        handle = await begin(server)
        while not [event async for event in handle.fetch_history_events() if event.event_type == SLEEPS]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await lent_next(kept) != address_of(server)


async def test_a_held_clock_is_left_to_no_other_test(kept: KeptServer) -> None:
    async with kept.lent() as server:
        await server.client.test_service.lock_time_skipping(LockTimeSkippingRequest())
    assert await lent_next(kept) != address_of(server)


async def test_a_server_that_is_gone_is_left_to_no_other_test(kept: KeptServer) -> None:
    async with kept.lent() as server:
        await server.shutdown()
    assert await lent_next(kept) != address_of(server)


async def test_a_clock_that_is_centuries_ahead_is_left_to_no_other_test(kept: KeptServer) -> None:
    async with kept.lent() as server:
        await server.sleep(LEAD_MAX)
    assert await lent_next(kept) != address_of(server)
