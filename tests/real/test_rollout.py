"""A changed workflow is rolled out with purchases in flight: build B beside build A, then B is made the current one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from activities.registry import all_queues
from devstack.servers.temporal import temporal_binary
from devstack.stack import ROOT, Stack, running_stack
from devstack.supervisor.process import bind_to_parent
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.scenes import bought

pytestmark = pytest.mark.real
OLD = {"BOXOFFICE_SAGA__POLL_SECONDS": "3", "BOXOFFICE_WORKER__BUILD_ID": "A"}
PATCHED = "core_patch"


@asynccontextmanager
async def next_worker(stack: Stack, folder: Path) -> AsyncIterator[Path]:
    """Run a worker of build B beside the stack's own, until the block ends; yield its log."""
    log = folder / "worker-b.log"
    env = {**stack.env, "BOXOFFICE_WORKER__BUILD_ID": "B"}
    with log.open("wb") as out:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.real.next_worker"),
            stdout=out,
            stderr=out,
            env={**os.environ, **env},
            cwd=ROOT,
            preexec_fn=bind_to_parent(signal.SIGKILL),
        )
    try:
        await told(log, f"polling {', '.join(sorted(all_queues()))} as build B")
        yield log
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


def make_current(stack: Stack, build_id: str) -> None:
    """Make a build the current one, by the runbook's command."""
    command = [temporal_binary(), "worker", "deployment", "set-current-version", "--address", stack.urls["temporal"]]
    subprocess.run([*command, "--deployment-name", "boxoffice", "--build-id", build_id, "--yes"], check=True)


async def told(log: Path, words: str) -> None:
    """Wait for a text in a log."""
    for _ in range(300):
        if words in await asyncio.to_thread(log.read_text):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await asyncio.to_thread(log.read_text))


async def flags_and_builds(client: Client, purchase_id: str) -> tuple[bool, list[str]]:
    """Return whether a purchase met the flag, and the builds that worked on it, in order."""
    history = await client.get_workflow_handle(f"purchase/{purchase_id}").fetch_history()
    done = [event.workflow_task_completed_event_attributes.worker_version.build_id for event in history.events]
    builds = list(dict.fromkeys(build for build in done if build))
    return any(event.marker_recorded_event_attributes.marker_name == PATCHED for event in history.events), builds


async def many(shop: Shop, name: str, count: int) -> list[Any]:
    return list(await asyncio.gather(*(bought(shop, f"{name}-{number}") for number in range(count))))


@pytest.mark.timeout(180)
@pytest.mark.nightly
async def test_purchases_in_flight_move_to_the_next_build(tmp_path: Path) -> None:
    """Purchases that wait for payment take the old path in the new build, new ones the new path; all end well."""
    async with running_stack(tmp_path / "stack", env=OLD, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open(capacity=40)
        client = await shop.engine()
        old = await many(shop, "old", 6)
        async with next_worker(stack, tmp_path) as log:
            await told(log, "build B gets NO work: the current build of deployment boxoffice is A")
            between = await many(shop, "between", 2)
            make_current(stack, "B")
            new = await many(shop, "new", 4)
            everyone = [*old, *between, *new]
            cancelled = {old[0]["purchase_id"], new[0]["purchase_id"]}
            for each in cancelled:
                await shop.http.delete(f"/api/v1/purchases/{each}")
            paid = [body for body in everyone if body["purchase_id"] not in cancelled]
            assert {await shop.pay(body["client_secret"]) for body in paid} == {httpx.codes.OK}
            for body in everyone:
                await shop.ended(body["purchase_id"])
            ids = [body["purchase_id"] for body in everyone]
            assert await shop.check_sums(ids) == {"fulfilled": len(paid), "cancelled": 2}
            for body in [*old, *between]:
                assert await flags_and_builds(client, body["purchase_id"]) == (False, ["A", "B"])
            for body in new:
                assert await flags_and_builds(client, body["purchase_id"]) == (True, ["B"])
            await told(log, "build B is the current one")


@pytest.mark.nightly
async def test_the_relay_runs_alone(stack: Stack, tmp_path: Path) -> None:
    """A worker without queues starts, polls nothing, and ends when it is told to."""
    ready = tmp_path / "ready"
    env = {**os.environ, **stack.env, "BOXOFFICE_WORKER__READY_FILE": str(ready)}
    command = (sys.executable, "-m", "worker", "--relay", "only")
    child = await asyncio.create_subprocess_exec(*command, env=env, stderr=subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not ready.exists():
            assert child.returncode is None
            await asyncio.sleep(0.1)
    child.terminate()
    _, said = await child.communicate()
    assert child.returncode == 0
    assert b"polling nothing as build" in said
