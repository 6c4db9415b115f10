"""Temporal's servers for tests, with the time to start that a busy machine needs, and our search attributes."""

import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.connect import data_converter
from tests.fakes.patience import PATIENCE_SECONDS
from workflows.core.search_attributes import KEYS

STARTED_WITHIN = timedelta(seconds=PATIENCE_SECONDS)  # the library gives up after five seconds
PLAIN = data_converter({})


def installed(command: str) -> str:
    """Return the path of an installed command."""
    beside = Path(sys.executable).parent / command
    return str(beside) if beside.exists() else str(shutil.which(command))


async def dev_server(runtime: Runtime | None = None) -> WorkflowEnvironment:
    """Start a development server: it has schedules and listings, and its time is that of the wall."""
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=installed("temporal"),
        data_converter=PLAIN,
        runtime=runtime,
        search_attributes=KEYS,
        dev_server_startup_timeout=STARTED_WITHIN,
    )


async def skipping_server(converter: DataConverter = PLAIN) -> WorkflowEnvironment:
    """Start a server that skips time."""
    server = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=installed("temporal-test-server"),
        data_converter=converter,
        test_server_startup_timeout=STARTED_WITHIN,
    )
    await _register_search_attributes(server.client)
    return server


async def _register_search_attributes(client: Client) -> None:
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
