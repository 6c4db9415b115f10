"""Coalesce requests: callers who ask within a moment share one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
WINDOW_SECONDS = 0.01


class BatchLoader(Generic[K, V]):
    """Load the values of many keys in calls of at most `max_batch`; each caller gets its value, or its call's error.

    A call starts after the requests for all of its keys: no value is older than its request.
    """

    def __init__(
        self,
        load_batch: Callable[[list[K]], Awaitable[Sequence[V]]],
        max_batch: int,
        window_seconds: float = WINDOW_SECONDS,
    ) -> None:
        self._load_batch = load_batch
        self._max_batch = max_batch
        self._window_seconds = window_seconds
        self._pending: dict[K, asyncio.Future[V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: K) -> V:
        """Return the value of a key."""
        value = self._pending.get(key)
        if value is None:
            value = self._pending[key] = asyncio.get_running_loop().create_future()
            if len(self._pending) == 1:
                task = asyncio.create_task(self._load_pending())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(value)

    async def _load_pending(self) -> None:
        await asyncio.sleep(self._window_seconds)
        pending, self._pending = self._pending, {}
        keys = list(pending)
        batches = [keys[first : first + self._max_batch] for first in range(0, len(keys), self._max_batch)]
        await asyncio.gather(*(self._resolve([pending[key] for key in batch], batch) for batch in batches))

    async def _resolve(self, futures: Sequence[asyncio.Future[V]], keys: list[K]) -> None:
        try:
            values = await self._load_batch(keys)
        except Exception as error:  # noqa: BLE001 - the callers get it
            for future in futures:
                future.set_exception(error)
                future.exception()  # marked as retrieved, also where every caller has gone
            return
        for future, value in zip(futures, values, strict=True):
            future.set_result(value)
