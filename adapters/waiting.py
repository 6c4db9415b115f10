"""The waiting line before the committer: bounded, first come first served, and nobody waits for ever."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from domain.desk import Desk
from domain.weather import Busy, Weather


class Waiting:
    """A decision that waits for the next batch, and where its answer goes."""

    __slots__ = ("answer", "decide", "gone", "loop", "reads", "taken", "until")

    def __init__(self, decide: Callable[[Desk], Any], reads: Iterable[str], patience_seconds: float) -> None:
        self.decide = decide
        self.reads = reads
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()
        self.until = time.monotonic() + patience_seconds
        self.taken = False
        self.gone = False


Settled = tuple[Waiting, Any]


class WaitingLine:
    """Callers stand in it on their event loops; one thread takes them out in batches.

    With `gathers` it is called once everybody who is ready at a moment has come. Callers who come by sockets need that:
    each read of one would let the thread go first, with a batch of a few. Others gather by themselves.
    """

    def __init__(self, waiting_max: int, patience_seconds: float, *, gathers: bool = False) -> None:
        self._waiting_max = waiting_max
        self._patience_seconds = patience_seconds
        self._gathers = gathers
        self._queue: deque[Waiting] = deque()
        self._gate = threading.Condition()
        self._closed = False

    async def stand(self, decide: Callable[[Desk], Any], reads: Iterable[str] = ()) -> Any:
        """Wait for the answer; a decision whose time passes while it waits is never made."""
        waiting = Waiting(decide, reads, self._patience_seconds)
        with self._gate:
            if self._closed:
                raise Weather("the ledger is closed")
            if len(self._queue) >= self._waiting_max:
                raise Busy("the ledger has as many waiting decisions as it takes")
            self._queue.append(waiting)
            if not self._gathers:
                self._gate.notify()
        if self._gathers:
            waiting.loop.call_soon(self._wake)
        timer = waiting.loop.call_later(self._patience_seconds, self._give_up, waiting)
        try:
            return await waiting.answer
        finally:
            timer.cancel()
            waiting.gone = True

    def _wake(self) -> None:
        with self._gate:
            self._gate.notify()

    def take(self, batch_max: int) -> list[Waiting]:
        """Wait for one decision, then take all that wait besides; empty when the line is closed and empty."""
        with self._gate:
            while not self._queue and not self._closed:
                self._gate.wait()
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
            waiting.answer.set_exception(Weather("the ledger did not answer in time", unknown=True))
        else:
            waiting.answer.set_exception(_too_late())


def _too_late() -> Busy:
    return Busy("the decision waited too long: it was not made")


def tell(settled: Sequence[Settled]) -> None:
    """Give callers their answers, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Settled]] = {}
    for one in settled:
        by_loop.setdefault(one[0].loop, []).append(one)
    for loop, ones in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, ones)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            continue


def _answer(settled: Sequence[Settled]) -> None:
    for waiting, outcome in settled:
        if waiting.answer.done():
            continue
        if isinstance(outcome, BaseException):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)
