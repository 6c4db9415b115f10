"""The Temporal server gives its workflows to the stack's own build."""

import sys
from pathlib import Path

import pytest
from temporalio.client import Client

from adapters.temporal import build_routing
from devstack.servers.temporal import make_current
from devstack.stack import ROOT, running_stack

UP = (sys.executable, str(ROOT / "tests" / "devstack" / "up_with_stand_ins.py"))
BUILD_ID = "BOXOFFICE_WORKER__BUILD_ID"


async def current(address: str) -> str | None:
    return await build_routing.current_build(await Client.connect(address), "boxoffice")


async def test_up_makes_its_build_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill of the server too, and when the same folder is started with another build."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with running_stack(tmp_path / "stack", up=UP) as stack:
        assert await current(stack.urls["temporal"]) == "dev"
        await stack.healthy_again("temporal", stack.kill("temporal"))
        assert await current(stack.urls["temporal"]) == "dev"
    async with running_stack(tmp_path / "stack", env={BUILD_ID: "next"}, up=UP) as stack:
        assert await current(stack.urls["temporal"]) == "next"
        await make_current(stack.urls["temporal"], "boxoffice", "next")
        assert await current(stack.urls["temporal"]) == "next"
