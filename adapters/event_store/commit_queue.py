"""The commit queue: bounded, first come first served, and every pending decision has a deadline."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from domain.core.actor import present_actor
from domain.core.transient import OverloadedError, TransientError
from domain.core.unit_of_work import UnitOfWork


class PendingDecision:
    """A decision that waits for the next batch, and the future of its result."""

    __slots__ = ("abandoned", "actor", "deadline", "decide", "future", "loop", "reads", "taken")

    def __init__(self, decide: Callable[[UnitOfWork], Any], reads: Iterable[str], timeout_seconds: float) -> None:
        self.decide = decide
        self.actor = present_actor()
        self.reads = reads
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.deadline = time.monotonic() + timeout_seconds
        self.taken = False
        self.abandoned = False


Result = tuple[PendingDecision, Any]
CROWD_SECONDS = 0.5
LINE = 8  # callers who wait at once: where the processors keep up there are one or two, however many come a second


class _LoopCallers:
    """The callers of one event loop, by deadline: one timer serves all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[PendingDecision], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._pending: deque[PendingDecision] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.wakes_soon = False  # whether the queue's thread is woken at the end of this loop iteration

    def add(self, decision: PendingDecision) -> None:
        """Expire a decision at its deadline, unless it has its result by then."""
        pending = self._pending
        while pending and pending[0].abandoned:
            pending.popleft()
        pending.append(decision)
        if self._timer is None:
            self._timer = self._loop.call_later(decision.deadline - time.monotonic(), self._expire_due)

    def _expire_due(self) -> None:
        self._timer, now, pending = None, time.monotonic(), self._pending
        while pending and (pending[0].abandoned or pending[0].deadline <= now):
            decision = pending.popleft()
            if not decision.abandoned:
                self._expire(decision)
        if pending:
            self._timer = self._loop.call_later(pending[0].deadline - now, self._expire_due)


class Crowd:
    """Counts callers in line, in windows of CROWD_SECONDS; the fuller one of the present and the last is the crowd."""

    def __init__(self) -> None:
        self._last = self._present = 0
        self._until = 0.0

    def count(self, callers: int, now: float) -> None:
        """Count callers."""
        if now >= self._until:
            self._last = self._present if now < self._until + CROWD_SECONDS else 0
            self._present, self._until = 0, now + CROWD_SECONDS
        self._present += callers

    def number(self, now: float) -> int:
        """Return their number; 0 when nobody came lately."""
        return max(self._last, self._present) if now < self._until + CROWD_SECONDS else 0


class CommitQueue:
    """Callers submit decisions on their event loops; one thread takes them in batches.

    With `coalesces` the thread is woken only when every caller that is ready in a loop iteration has submitted. Callers
    served over sockets need that: each socket read would let the thread run first, with a batch of a few.
    """

    def __init__(self, queue_max: int, timeout_seconds: float, *, coalesces: bool = False) -> None:
        self._queue_max = queue_max
        self._timeout_seconds = timeout_seconds
        self._coalesces = coalesces
        self._queue: deque[PendingDecision] = deque()
        self._gate = threading.Condition()
        self._asleep = False
        self._closed = False
        self._callers: dict[asyncio.AbstractEventLoop, _LoopCallers] = {}
        self._crowd = Crowd()

    def __len__(self) -> int:
        """Return the number of decisions that wait."""
        return len(self._queue)

    async def submit(self, decide: Callable[[UnitOfWork], Any], reads: Iterable[str] = ()) -> Any:
        """Wait for the result of a decision; one whose deadline passes in the queue is never made."""
        if self._closed:
            raise TransientError("the event store is closed")
        if len(self._queue) >= self._queue_max:
            raise OverloadedError("the commit queue is full; nothing was stored, retry later")
        decision = PendingDecision(decide, reads, self._timeout_seconds)
        callers = self._callers_of(decision.loop)
        callers.add(decision)
        self._queue.append(decision)
        if not self._coalesces:
            self._wake()
        elif not callers.wakes_soon:
            callers.wakes_soon = True
            decision.loop.call_soon(self._wake_for, callers)
        try:
            return await decision.future
        finally:
            decision.abandoned = True

    def _callers_of(self, loop: asyncio.AbstractEventLoop) -> _LoopCallers:
        callers = self._callers.get(loop)
        if callers is None:
            self._callers = {loop: known for loop, known in self._callers.items() if not loop.is_closed()}
            callers = self._callers[loop] = _LoopCallers(loop, self._expire)
        return callers

    def _wake_for(self, callers: _LoopCallers) -> None:
        callers.wakes_soon = False
        self._wake()

    def _wake(self) -> None:
        """Wake the thread if it sleeps; it checks the queue again after it has set `_asleep`, so none is missed."""
        if self._asleep:
            with self._gate:
                self._gate.notify()

    def take_batch(self, batch_max: int) -> list[PendingDecision]:
        """Wait for one decision, then take all that are pending; empty when the queue is closed and empty."""
        with self._gate:
            self._asleep = True
            while not self._queue and not self._closed:
                self._gate.wait()
            self._asleep = False
            now = time.monotonic()
            batch: list[PendingDecision] = []
            expired: list[Result] = []
            while self._queue and len(batch) < batch_max:
                decision = self._queue.popleft()
                if decision.abandoned:
                    continue
                if decision.deadline < now:
                    expired.append((decision, _expired()))
                else:
                    decision.taken = True
                    batch.append(decision)
        resolve(expired)
        if len(batch) >= LINE:
            self._crowd.count(len(batch), now)
        return batch

    @property
    def crowd(self) -> int:
        """The number of callers who had to wait in line within a moment just now."""
        return self._crowd.number(time.monotonic())

    @property
    def is_drained(self) -> bool:
        """Whether the queue is closed and empty."""
        with self._gate:
            return self._closed and not self._queue

    def close(self) -> None:
        """Refuse new decisions; pending ones are still served."""
        with self._gate:
            self._closed = True
            self._gate.notify()

    def _expire(self, decision: PendingDecision) -> None:
        with self._gate:
            decision.abandoned = True
        if decision.future.done():
            return
        if decision.taken:
            decision.future.set_exception(TransientError("the event store did not answer in time", unknown=True))
        else:
            decision.future.set_exception(_expired())


def _expired() -> OverloadedError:
    return OverloadedError("the decision waited too long in the commit queue; nothing was stored, retry later")


def resolve(results: Sequence[Result]) -> None:
    """Give callers their results, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Result]] = {}
    for result in results:
        by_loop.setdefault(result[0].loop, []).append(result)
    for loop, of_loop in by_loop.items():
        try:
            loop.call_soon_threadsafe(_set_results, of_loop)
        except RuntimeError:  # the loop is closed: no caller is left there
            continue


def _set_results(results: Sequence[Result]) -> None:
    for decision, outcome in results:
        if decision.future.done():
            continue
        if isinstance(outcome, BaseException):
            decision.future.set_exception(outcome)
        else:
            decision.future.set_result(outcome)
