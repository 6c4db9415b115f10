"""Reading your own writes: a read waits, within a bound, for the fact that it was told to wait for."""

import asyncio
import time

from api.ports import Queries

WAIT_SECONDS_MAX = 2.0
LOOK_SECONDS = 0.02


async def is_stale(queries: Queries, after: int) -> bool:
    """Wait until the read models contain a position; True when they still do not after two seconds."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while after and await queries.position() < after:
        if time.monotonic() > until:
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
