"""A worker logs whether its build is the current one and gets work."""

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


async def logged(caplog: pytest.LogCaptureFixture, count: int) -> None:
    """Wait for this number of log lines."""
    async with asyncio.timeout(30):
        while len(lines(caplog)) < count:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.05)


async def test_a_worker_without_work_logs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the current build and the command to run, and later that the build is current, each once."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(build_routing, "FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(build_routing, "CHECK_SECONDS", 0.02)
    caplog.set_level(logging.INFO, "worker")
    async with running_stack(tmp_path / "stack", up=UP) as stack:
        address = stack.urls["temporal"]
        client = await Client.connect(address)
        checking = asyncio.create_task(
            build_routing.log_current_build(client, WorkerDeploymentVersion("boxoffice", "mine"))
        )
        orphan = asyncio.create_task(build_routing.log_current_build(client, WorkerDeploymentVersion("other", "mine")))
        await logged(caplog, 2)
        await make_current(address, "boxoffice", "mine")
        await logged(caplog, 3)
        await asyncio.sleep(0.3)  # no line is repeated
        checking.cancel()
        orphan.cancel()
    messages = lines(caplog)
    assert len(messages) == 3
    assert "build mine gets NO work: the current build of deployment boxoffice is dev" in messages[0] + messages[1]
    assert "the current build of deployment other is not set" in messages[0] + messages[1]
    assert "set-current-version --deployment-name boxoffice --build-id mine" in messages[0] + messages[1]
    assert messages[2] == "build mine is the current one of deployment boxoffice"
