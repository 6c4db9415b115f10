"""Purchases from POST to fulfilled, beside a bare workflow of the same shape, and the same work without Temporal."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import PROCESSOR
from bench.fixtures.peer import peer_fixture
from bench.fixtures.stack import StackFixture, stack_fixture
from bench.load.buyers import Buyers
from bench.servers.bare_workflow import QUEUE, BareWorkflow

AT_ONCE = 64
WARM = 8


async def per_second(act: Callable[[], Coroutine[Any, Any, object]], number: int) -> float:
    """Run `act` this many times at once; return completions per second."""
    began = time.perf_counter()
    await asyncio.gather(*(act() for _ in range(number)))
    return number / (time.perf_counter() - began)


async def _purchases_per_second(fixture: StackFixture, number: int) -> float:
    async with Buyers.at(fixture.site) as buyers:
        return await per_second(buyers.buy, number)


async def run_bare_workflow(client: Client) -> None:
    """Start one bare workflow, wait for its checkout, pay, and wait for its end."""
    start = WithStartWorkflowOperation(
        BareWorkflow.run, id=f"bare/{uuid4().hex}", task_queue=QUEUE, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    await client.execute_update_with_start_workflow("open_checkout", start_workflow_operation=start)
    handle = await start.workflow_handle()
    await handle.signal(BareWorkflow.pay)
    await handle.result()


async def _bare_workflows_per_second(fixture: StackFixture, number: int) -> float:
    client = await Client.connect(fixture.stack.urls["temporal"])
    return await per_second(partial(run_bare_workflow, client), number)


@contextmanager
def candidate(
    fixture: StackFixture, measured: Callable[[StackFixture, int], Coroutine[Any, Any, float]]
) -> Iterator[Candidate]:
    """Warm up, then measure rounds."""

    async def measure(number: int) -> float:
        return await measured(fixture, number)

    asyncio.run(measure(WARM))
    yield Candidate(lambda: asyncio.run(measure(AT_ONCE)), f"{AT_ONCE} at once")


@contextmanager
def _peer(fixture: StackFixture, peer: str) -> Iterator[Candidate]:
    """Sell with a peer's orchestrator on the same PostgreSQL."""
    with peer_fixture(peer, fixture.site.postgres) as sold:

        async def measure(number: int) -> float:
            async with Buyers.at(sold.site) as buyers:
                return await per_second(buyers.buy, number)

        asyncio.run(measure(WARM))
        before = sold.cpu_seconds()
        asyncio.run(measure(AT_ONCE))
        spent = {name: (now - before[name]) * 1000 / AT_ONCE for name, now in sold.cpu_seconds().items()}
        note = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in spent.items())
        yield Candidate(lambda: asyncio.run(measure(AT_ONCE)), f"{AT_ONCE} at once; ms of processor time: {note}")


OURS = partial(candidate, measured=_purchases_per_second)
BARE = Side("a bare workflow, 3 regular + 3 local activities", partial(candidate, measured=_bare_workflows_per_second))
ROWS = (
    Row(
        "purchases",
        "purchases/s",
        PROCESSOR,
        Side("POST to fulfilled, the whole stack", OURS),
        (Baseline(BARE, 0.7),),
        fixture=partial(stack_fixture, stubbed=False),
    ),
    Row(
        "purchases-stubbed",
        "purchases/s",
        PROCESSOR,
        Side("POST to fulfilled, Stripe and chain stubbed", OURS),
        (Baseline(BARE, 0.9),),
        fixture=partial(stack_fixture, stubbed=True),
    ),
    Row(
        "purchases-peer",
        "purchases/s",
        PROCESSOR,
        Side("POST to fulfilled, Stripe and chain stubbed", OURS),
        (
            Baseline(Side("the same work on DBOS", partial(_peer, peer="dbos")), 1.0),
            Baseline(Side("the same work, a saga table by hand", partial(_peer, peer="table")), 0.7),
        ),
        fixture=partial(stack_fixture, stubbed=True),
    ),
)
