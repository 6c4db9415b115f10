"""The time-skipping server and the world of a workflow test: one per test, since the server has one clock."""

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.connect import data_converter
from tests.fakes.judged import judged_at_rest
from tests.fakes.world import SagaWorld
from workflows.core.search_attributes import KEYS

CODEC_KEYS = {"test": bytes(range(32))}  # every workflow test runs with encrypted payloads


def installed(command: str) -> str:
    """Return the path of an installed command."""
    beside = Path(sys.executable).parent / command
    return str(beside) if beside.exists() else str(shutil.which(command))


async def register_search_attributes(client: Client) -> None:
    """Register our search attributes on a test server."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in KEYS},
        )
    )
    _without_nulls(client)


def _without_nulls(client: Client) -> None:
    """Leave out attributes that were unset: the time-skipping server keeps them as null, as no other server does."""
    service: Any = client.workflow_service
    describe = service.describe_workflow_execution

    async def described(*args: Any, **options: Any) -> Any:
        answer = await describe(*args, **options)
        fields = answer.workflow_execution_info.search_attributes.indexed_fields
        for name in [name for name, payload in fields.items() if not payload.data]:
            del fields[name]
        return answer

    service.describe_workflow_execution = described


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=installed("temporal-test-server"), data_converter=data_converter(CODEC_KEYS)
    )
    async with environment:
        await register_search_attributes(environment.client)
        yield environment


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose invariants are checked at the end of the test."""
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running():
        yield made


@pytest.fixture
def client(skipping: WorkflowEnvironment) -> Client:
    return skipping.client
