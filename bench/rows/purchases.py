"""Purchases: from POST to fulfilled, beside a bare workflow of the same shape on the same server and worker."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from bench.bare import QUEUE, BareWorkflow
from bench.buyers import Buyers
from bench.contest import Against, Contestant, Row, Side
from bench.stage import Stage, stage
from bench.world import database
from devstack.stack import ROOT

PEER = ROOT / ".venv-bench" / "bin" / "python"
AT_ONCE = 64
WARM = 8


async def per_second(act: Callable[[], Coroutine[Any, Any, object]], number: int) -> float:
    """Let so many act at once and wait for the last; returns how many ended per second."""
    began = time.perf_counter()
    await asyncio.gather(*(act() for _ in range(number)))
    return number / (time.perf_counter() - began)


async def _bought(ground: Stage, number: int) -> float:
    async with Buyers.at(ground) as buyers:
        return await per_second(buyers.buy, number)


async def go_bare(client: Client) -> None:
    """Start one bare workflow, wait for its checkout, pay, and wait for its end."""
    start = WithStartWorkflowOperation(
        BareWorkflow.run, id=f"bare/{uuid4().hex}", task_queue=QUEUE, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    await client.execute_update_with_start_workflow("open_checkout", start_workflow_operation=start)
    handle = await start.workflow_handle()
    await handle.signal(BareWorkflow.pay)
    await handle.result()


async def _gone_bare(ground: Stage, number: int) -> float:
    client = await Client.connect(ground.temporal)
    return await per_second(partial(go_bare, client), number)


@contextmanager
def contestant(ground: Stage, measured: Callable[[Stage, int], Coroutine[Any, Any, float]]) -> Iterator[Contestant]:
    """Warm up, then measure rounds of so many at once."""

    async def measure(number: int) -> float:
        return await measured(ground, number)

    asyncio.run(measure(WARM))
    yield Contestant(lambda: asyncio.run(measure(AT_ONCE)), f"{AT_ONCE} at once")


@contextmanager
def _peer(ground: Stage) -> Iterator[Contestant]:
    """Run the peer in an environment of its own, on the same PostgreSQL."""
    if not PEER.exists():
        raise FileNotFoundError(f"there is no {PEER}: `make bench` installs the dependency group `bench` there")
    with database(urlsplit(ground.postgres).port or 0) as url:
        command = [str(PEER), "-m", "bench.peer", url.replace("postgresql:", "postgresql+psycopg:", 1)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:

            def measure(number: int) -> float:
                if peer.stdin is None or peer.stdout is None:
                    raise RuntimeError("the peer has no pipes")
                print(number, file=peer.stdin, flush=True)
                return float(peer.stdout.readline())

            if peer.stdout is None or peer.stdout.readline() != "ready\n":
                raise RuntimeError("the peer did not start")
            measure(WARM)
            try:
                yield Contestant(partial(measure, AT_ONCE), f"{AT_ONCE} at once")
            finally:
                peer.communicate()


OURS = partial(contestant, measured=_bought)
BARE = Side("a bare workflow, 3 regular + 3 local activities", partial(contestant, measured=_gone_bare))
ROWS = (
    Row(
        "purchases",
        "purchases/s",
        Side("POST to fulfilled, the whole stack", OURS),
        (Against(BARE, 0.5),),
        stage=partial(stage, stubbed=False),
    ),
    Row(
        "purchases-stubbed",
        "purchases/s",
        Side("POST to fulfilled, Stripe and chain stubbed", OURS),
        (Against(BARE, 0.8),),
        stage=partial(stage, stubbed=True),
    ),
    Row(
        "purchases-peer",
        "purchases/s",
        Side("POST to fulfilled, Stripe and chain stubbed", OURS),
        (Against(Side("DBOS: seven steps that do nothing, one message", _peer), 1.0),),
        stage=partial(stage, stubbed=True),
    ),
)
