"""Read your own writes: a read waits, within a bound, until the read models contain a position."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.http.problems import not_found
from api.ports import Progress

WAIT_SECONDS_MAX = 2.0
LOOK_SECONDS = 0.02
D = TypeVar("D")


async def wait_for_position(progress: Progress, after: int) -> bool:
    """Wait until the read models contain a position; return True when they still do not after two seconds."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while after and await progress.position() < after:
        if time.monotonic() > until:
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


async def find(progress: Progress, read: Callable[[str], Awaitable[D | None]], identity: str) -> D | None:
    """Read a document; read a missing one again when the read models have caught up."""
    found = await read(identity)
    if found is None:
        await wait_for_position(progress, await progress.head())
        found = await read(identity)
    return found


async def require(kind: str, progress: Progress, read: Callable[[str], Awaitable[D | None]], identity: str) -> D:
    """Find a document; raise the problem 404 where there is none."""
    found = await find(progress, read, identity)
    if found is None:
        raise not_found(kind, identity)
    return found
