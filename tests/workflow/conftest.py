"""The time-skipping server of the workflow tests: one per test, since its clock is global."""

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment


def installed(command: str) -> str:
    """Return the path of a command of this environment."""
    beside = Path(sys.executable).parent / command
    return str(beside) if beside.exists() else str(shutil.which(command))


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=installed("temporal-test-server"), data_converter=pydantic_data_converter
    )
    async with environment:
        yield environment
