"""The production API, whose purchases a peer's orchestrator runs. `python -m bench.servers.peers.front dbos|table`."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import uvicorn
import uvloop

from activities.core.about import About
from activities.core.commands import PurchaseRef
from adapters.runtime.gc_tuning import tune_gc
from api.app import create_app
from api.main import assemble, server_config
from bench.servers.peers import dbos_peer, table_peer
from relay.workflow_client import WorkflowClient
from settings import Settings, read_settings
from workflows.purchase import CheckoutAnswer

Start = Callable[[PurchaseRef], Awaitable[None]]
Tell = Callable[[str], Awaitable[None]]
PEERS = {"dbos": dbos_peer.connect, "table": table_peer.connect}


class PeerEngine(WorkflowClient):
    """Starts and signals the purchases of a peer; nothing else is asked of it in a bench."""

    def __init__(self, start: Start, tell: Tell) -> None:
        self._start_sale = start
        self._tell = tell

    async def open_purchase(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:  # noqa: ARG002 - the port's
        """Start the purchase; its buyer is answered without the checkout, and follows the events."""
        await self._start_sale(purchase)
        return None

    async def look_again(self, purchase_id: str) -> bool | None:
        """Tell the purchase that it is paid."""
        await self._tell(purchase_id)
        return True


async def serve(settings: Settings, peer: str) -> None:
    """Serve until SIGTERM."""
    async with AsyncExitStack() as closing:
        dependencies = await assemble(settings, closing)
        start, tell = await closing.enter_async_context(PEERS[peer](settings.postgres.url))
        app = create_app(replace(dependencies, engine=PeerEngine(start, tell)))
        tune_gc()
        await uvicorn.Server(server_config(app, settings.api.host, settings.api.port, settings.limits)).serve()


if __name__ == "__main__":
    uvloop.run(serve(read_settings(), sys.argv[1]))
