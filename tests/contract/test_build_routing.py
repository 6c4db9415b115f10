"""The stack gives its workflows to its own build, and a worker that gets none says so."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from adapters.temporal import build_routing
from devstack.servers.temporal import make_current
from devstack.stack import ROOT, running_stack

UP = (sys.executable, str(ROOT / "tests" / "devstack" / "up_with_stand_ins.py"))
BUILD_ID = "BOXOFFICE_WORKER__BUILD_ID"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "worker"]


async def heard(caplog: pytest.LogCaptureFixture, count: int) -> None:
    """Wait until the workers have said so many lines."""
    async with asyncio.timeout(30):
        while len(lines(caplog)) < count:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.05)


async def test_a_worker_without_work_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log names the current build and the command; once it is the current one it says that too, each once."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(build_routing, "FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(build_routing, "CHECK_SECONDS", 0.02)
    caplog.set_level(logging.INFO, "worker")
    async with running_stack(tmp_path / "stack", up=UP) as stack:
        address = stack.urls["temporal"]
        client = await Client.connect(address)
        telling = asyncio.create_task(
            build_routing.log_current_build(client, WorkerDeploymentVersion("boxoffice", "mine"))
        )
        orphan = asyncio.create_task(build_routing.log_current_build(client, WorkerDeploymentVersion("other", "mine")))
        await heard(caplog, 2)
        await make_current(address, "boxoffice", "mine")
        await heard(caplog, 3)
        await asyncio.sleep(0.3)  # nothing is said twice
        telling.cancel()
        orphan.cancel()
    said = lines(caplog)
    assert len(said) == 3
    assert "build mine gets NO work: the current build of deployment boxoffice is dev" in said[0] + said[1]
    assert "the current build of deployment other is not set" in said[0] + said[1]
    assert "set-current-version --deployment-name boxoffice --build-id mine" in said[0] + said[1]
    assert said[2] == "build mine is the current one of deployment boxoffice"
