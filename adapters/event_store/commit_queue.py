"""The waiting line before the committer: bounded, first come first served, and nobody waits for ever."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from domain.core.transient import OverloadedError, TransientError
from domain.core.unit_of_work import UnitOfWork


class Waiting:
    """A decision that waits for the next batch, and where its answer goes."""

    __slots__ = ("answer", "decide", "gone", "loop", "reads", "taken", "until")

    def __init__(self, decide: Callable[[UnitOfWork], Any], reads: Iterable[str], patience_seconds: float) -> None:
        self.decide = decide
        self.reads = reads
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()
        self.until = time.monotonic() + patience_seconds
        self.taken = False
        self.gone = False


Settled = tuple[Waiting, Any]


class _Callers:
    """Who waits on one event loop, in the order in which their time passes: one timer serves all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, give_up: Callable[[Waiting], None]) -> None:
        self._loop = loop
        self._give_up = give_up
        self._pending: deque[Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.is_calling = False  # whether the line is woken at the end of this moment

    def add(self, waiting: Waiting) -> None:
        """Give up waiting when its time has passed, unless it has its answer by then."""
        pending = self._pending
        while pending and pending[0].gone:
            pending.popleft()
        pending.append(waiting)
        if self._timer is None:
            self._timer = self._loop.call_later(waiting.until - time.monotonic(), self._ring)

    def _ring(self) -> None:
        self._timer, now, pending = None, time.monotonic(), self._pending
        while pending and (pending[0].gone or pending[0].until <= now):
            waiting = pending.popleft()
            if not waiting.gone:
                self._give_up(waiting)
        if pending:
            self._timer = self._loop.call_later(pending[0].until - now, self._ring)


class WaitingLine:
    """Callers stand in it on their event loops; one thread takes them out in batches.

    With `gathers` it is called once everybody who is ready at a moment has come. Callers who come by sockets need that:
    each read of one would let the thread go first, with a batch of a few. Others gather by themselves.
    """

    def __init__(self, commit_queue_max: int, patience_seconds: float, *, gathers: bool = False) -> None:
        self._waiting_max = commit_queue_max
        self._patience_seconds = patience_seconds
        self._gathers = gathers
        self._queue: deque[Waiting] = deque()
        self._gate = threading.Condition()
        self._asleep = False
        self._closed = False
        self._callers: dict[asyncio.AbstractEventLoop, _Callers] = {}

    async def stand(self, decide: Callable[[UnitOfWork], Any], reads: Iterable[str] = ()) -> Any:
        """Wait for the answer; a decision whose time passes while it waits is never made."""
        if self._closed:
            raise TransientError("the event store is closed")
        if len(self._queue) >= self._waiting_max:
            raise OverloadedError("the event store has as many waiting decisions as it takes")
        waiting = Waiting(decide, reads, self._patience_seconds)
        callers = self._callers_of(waiting.loop)
        callers.add(waiting)
        self._queue.append(waiting)
        if not self._gathers:
            self._wake()
        elif not callers.is_calling:
            callers.is_calling = True
            waiting.loop.call_soon(self._call, callers)
        try:
            return await waiting.answer
        finally:
            waiting.gone = True

    def _callers_of(self, loop: asyncio.AbstractEventLoop) -> _Callers:
        callers = self._callers.get(loop)
        if callers is None:
            self._callers = {loop: known for loop, known in self._callers.items() if not loop.is_closed()}
            callers = self._callers[loop] = _Callers(loop, self._give_up)
        return callers

    def _call(self, callers: _Callers) -> None:
        callers.is_calling = False
        self._wake()

    def _wake(self) -> None:
        """Wake the thread, which looks at the queue once more after it has said that it sleeps: nobody is missed."""
        if self._asleep:
            with self._gate:
                self._gate.notify()

    def take(self, batch_max: int) -> list[Waiting]:
        """Wait for one decision, then take all that wait besides; empty when the line is closed and empty."""
        with self._gate:
            self._asleep = True
            while not self._queue and not self._closed:
                self._gate.wait()
            self._asleep = False
            now = time.monotonic()
            batch: list[Waiting] = []
            late: list[Settled] = []
            while self._queue and len(batch) < batch_max:
                waiting = self._queue.popleft()
                if waiting.gone:
                    continue
                if waiting.until < now:
                    late.append((waiting, _too_late()))
                else:
                    waiting.taken = True
                    batch.append(waiting)
        tell(late)
        return batch

    @property
    def is_over(self) -> bool:
        """Whether nobody can come any more and nobody waits."""
        with self._gate:
            return self._closed and not self._queue

    def close(self) -> None:
        """Let nobody in any more; who waits is still served."""
        with self._gate:
            self._closed = True
            self._gate.notify()

    def _give_up(self, waiting: Waiting) -> None:
        with self._gate:
            waiting.gone = True
        if waiting.answer.done():
            return
        if waiting.taken:
            waiting.answer.set_exception(TransientError("the event store did not answer in time", unknown=True))
        else:
            waiting.answer.set_exception(_too_late())


def _too_late() -> OverloadedError:
    return OverloadedError("the decision waited too long: it was not made")


def tell(gather_all: Sequence[Settled]) -> None:
    """Give callers their answers, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Settled]] = {}
    for one in gather_all:
        by_loop.setdefault(one[0].loop, []).append(one)
    for loop, ones in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, ones)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            continue


def _answer(gather_all: Sequence[Settled]) -> None:
    for waiting, outcome in gather_all:
        if waiting.answer.done():
            continue
        if isinstance(outcome, BaseException):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)
