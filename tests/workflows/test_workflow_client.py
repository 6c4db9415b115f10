"""The workflow client, with an engine that does not answer."""

import asyncio
import gc
from typing import Any

import psutil
from temporalio.client import Client

from activities.core.about import About
from activities.core.commands import PurchaseRef
from relay.workflow_client import Timeouts, WorkflowClient

PURCHASE = PurchaseRef(tenant_id="default", purchase_id="pu_1", attempt=1)


async def test_an_engine_that_does_not_answer_leaves_no_error_that_nobody_took(client: Client) -> None:
    """The call returns None after its timeout, and the log has one line of ours, no traceback of asyncio's."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    engine = WorkflowClient(client, Timeouts(0.3, 1.0, 1))
    port = client.service_client.config.target_host.rpartition(":")[2]
    [server] = [one for one in psutil.Process().children() if port in one.cmdline()]
    server.suspend()
    try:
        assert await engine.open_purchase(PURCHASE, About("pu_1", "sh_1", "ve_1")) is None
    finally:
        server.resume()
    await asyncio.sleep(0.1)
    gc.collect()  # only then does asyncio report an unretrieved error
    assert unhandled == []
