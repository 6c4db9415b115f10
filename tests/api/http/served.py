"""The API over fakes, served as in production: in this process for raw sockets, or in one of its own for its memory.

`python -m tests.api.http.served PORT` serves until it is killed.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from api.main import server_config
from settings.http import LimitSettings
from tests.fakes.api_client import app_over
from tests.fakes.shop_world import ApiWorld

HOST = "127.0.0.1"


def server_of(world: ApiWorld, port: int, limits: LimitSettings) -> uvicorn.Server:
    """Return the server of a world's API."""
    app = app_over(world.deps())
    server = uvicorn.Server(server_config(app, HOST, port, limits))
    app.state.watch.is_ending = lambda: server.should_exit
    return server


@asynccontextmanager
async def served(world: ApiWorld, **limits: Any) -> AsyncIterator[int]:
    """Serve a world with these limits; yield its port."""
    server = server_of(world, 0, LimitSettings(**limits))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


if __name__ == "__main__":
    asyncio.run(server_of(ApiWorld(), int(sys.argv[1]), LimitSettings()).serve())
