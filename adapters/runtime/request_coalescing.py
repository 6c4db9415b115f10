"""Coalesce requests: callers who ask within a moment share one call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Generic, TypeVar

from domain.core.transient import TransientError

K = TypeVar("K")
V = TypeVar("V")
WINDOW_SECONDS = 0.01
IN_FLIGHT_MAX = 1_000


class BatchLoader(Generic[K, V]):
    """Load the values of many keys in calls of at most `max_batch`; each caller gets its value, or its call's error.

    A call starts after the requests for all of its keys: no value is older than its request. While `in_flight` calls
    are made, further requests gather. No caller is left without an answer, however a call ends.
    """

    def __init__(
        self,
        load_batch: Callable[[list[K]], Awaitable[Sequence[V]]],
        max_batch: int,
        window_seconds: float = WINDOW_SECONDS,
        in_flight: int = IN_FLIGHT_MAX,
    ) -> None:
        self._load_batch = load_batch
        self._max_batch = max_batch
        self._window_seconds = window_seconds
        self._turns = asyncio.Semaphore(in_flight)
        self._pending: dict[K, asyncio.Future[V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: K) -> V:
        """Return the value of a key."""
        value = self._pending.get(key)
        if value is None:
            value = self._pending[key] = asyncio.get_running_loop().create_future()
            if len(self._pending) == 1:
                task = asyncio.create_task(self._load_pending(self._pending))
                self._tasks.add(task)
                task.add_done_callback(partial(self._close, self._pending))
        return await asyncio.shield(value)

    async def _load_pending(self, pending: dict[K, asyncio.Future[V]]) -> None:
        await asyncio.sleep(self._window_seconds)
        async with self._turns:
            self._pending = {}
            keys = list(pending)
            batches = [keys[first : first + self._max_batch] for first in range(0, len(keys), self._max_batch)]
            await asyncio.gather(*(self._resolve([pending[key] for key in batch], batch) for batch in batches))

    async def _resolve(self, futures: Sequence[asyncio.Future[V]], keys: list[K]) -> None:
        try:
            values = await self._load_batch(keys)
        except Exception as error:  # noqa: BLE001 - the callers get it
            _fail(futures, error)
            return
        if len(values) != len(keys):
            _fail(futures, TransientError(f"the shared call returned {len(values)} values for {len(keys)} keys"))
            return
        for future, value in zip(futures, values, strict=True):
            if not future.done():
                future.set_result(value)

    def _close(self, pending: dict[K, asyncio.Future[V]], task: asyncio.Task[None]) -> None:
        """Answer every caller who has no answer yet: the task was cancelled, or ended by no ordinary exception."""
        self._tasks.discard(task)
        if self._pending is pending:
            self._pending = {}
        reason = "it was cancelled" if task.cancelled() else type(task.exception()).__name__
        _fail(pending.values(), TransientError(f"the shared call ended without an answer: {reason}"))


def _fail(futures: Iterable[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # marked as retrieved, also where every caller has gone
