"""One time-skipping server for the tests of a process, each in a namespace of its own, until one leaves it unfit.

A start costs a tenth of a second, most of it waiting.
"""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from temporalio.api.workflowservice.v1 import ListOpenWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.fakes.engines import skipping_server

LEAD_MAX = timedelta(days=200 * 365)  # a result that is awaited moves the clock on by up to ten years
SLEPT = timedelta(hours=1)
LOOKED_WITHIN_SECONDS = 0.1


class KeptServer:
    """A server that is kept between tests; one that leaves open work or a clock it held is the last on it."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter
        self._server: WorkflowEnvironment | None = None
        self._names = count()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[WorkflowEnvironment]:
        """Lend the server, in a new namespace."""
        server = self._server or await skipping_server(self._converter)
        self._server = None  # a test that is interrupted keeps it
        try:
            yield _within(server, f"test-{next(self._names)}")
        except BaseException:
            await server.shutdown()
            raise
        if await _is_fit(server):
            self._server = server
        else:
            await server.shutdown()

    async def close(self) -> None:
        """Stop the server, if one is kept."""
        if self._server is not None:
            await self._server.shutdown()


def _within(server: WorkflowEnvironment, namespace: str) -> WorkflowEnvironment:
    """Return a server as seen from a namespace; its clock and its search attributes are those of all namespaces."""
    seen = copy.copy(server)
    config = server.client.config()
    config["namespace"] = namespace
    seen._client = Client(**config)
    return seen


async def _is_fit(server: WorkflowEnvironment) -> bool:
    """Say whether the next test finds no work, and a clock that skips when it is asked and is not too far ahead."""
    listing = ListOpenWorkflowExecutionsRequest(namespace="default", maximum_page_size=1)  # lists every namespace's
    try:
        async with asyncio.timeout(LOOKED_WITHIN_SECONDS):
            opened = await server.client.workflow_service.list_open_workflow_executions(listing)
            await server.sleep(SLEPT)  # a real hour, where a test or its workflows hold the clock
            lead = await server.get_current_time() - datetime.now(UTC)
    except (TimeoutError, RPCError):
        return False
    return not opened.executions and lead < LEAD_MAX
