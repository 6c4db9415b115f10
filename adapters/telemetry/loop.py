"""Metrics and probes of a process that has an event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from prometheus_client import Gauge

from adapters.postgres.connections import Pool, connection_of
from adapters.telemetry.server import READY_SECONDS, Probes, Pulse, Server

BEAT_SECONDS = 1.0
COMMIT_QUEUE = Gauge("boxoffice_commit_queue", "Decisions that wait for this process's committer")


def free_port(wanted: int | None) -> int | None:
    """Return a free port of this machine for what Temporal's library serves, where metrics are wanted."""
    if wanted is None:
        return None
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def serve_loop(
    closing: AsyncExitStack,
    host: str,
    port: int | None,
    ready: Callable[[], Awaitable[None]],
    engine_port: int | None,
) -> None:
    """Serve until `closing` ends; the process is live while its loop runs, and ready while `ready` raises nothing."""
    if port is None:
        return
    loop, pulse = asyncio.get_running_loop(), Pulse()
    closing.callback(loop.create_task(_beat(pulse)).cancel)

    def check_ready() -> None:
        pulse.check()
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(ready(), READY_SECONDS), loop).result(READY_SECONDS)

    closing.callback(Server(host, port, Probes(pulse.check, check_ready), engine_port).close)


async def check_database(pool: Pool) -> None:
    """Raise when the database does not answer."""
    async with connection_of(pool) as connection:
        await connection.execute("SELECT 1")


async def _beat(pulse: Pulse) -> None:
    while True:
        pulse.beat()
        await asyncio.sleep(BEAT_SECONDS)
