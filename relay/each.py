"""Work on many subjects, each by itself: one that fails is set aside and tried again later, the others go on.

And repeat a look at an interval.

Every loop of this room over subjects goes through here (`tests/architecture/test_loops.py`).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

from activities.core.loops import Loop, loop_of
from activities.core.setbacks import Setbacks
from domain.core.transient import TransientError

S = TypeVar("S")
T = TypeVar("T")
log = logging.getLogger(__name__)


class SetAsideGauge(Protocol):
    """Shows operators the number of a loop's subjects that are set aside."""

    def watch(self, loop: str, count: Callable[[], int]) -> None:
        """Show the number whenever somebody looks; another thread may count."""


class Each:
    """Runs loops, and remembers which of their subjects are set aside."""

    def __init__(self, gauge: SetAsideGauge, clock: Callable[[], float] = time.monotonic) -> None:
        self._gauge = gauge
        self._clock = clock
        self._setbacks: dict[str, Setbacks] = {}

    def set_aside(self, body: Callable[..., Any]) -> int:
        """Return the number of a loop's subjects that are set aside: so many more are asked for in a batch."""
        return len(self._setbacks_of(loop_of(body)))

    async def run(self, body: Callable[[S], Awaitable[T]], subjects: Iterable[S], at_once: int = 1) -> list[T]:
        """Run a loop's body for every subject that is due; return the results of those that did not fail."""
        loop = loop_of(body)
        setbacks = self._setbacks_of(loop)
        setbacks.forget_solved(self._clock())
        due = [subject for subject in subjects if setbacks.is_due(loop.identity(subject), self._clock())]
        results: list[T] = []
        for first in range(0, len(due), at_once):
            works = (self._run_one(loop, body, subject, results) for subject in due[first : first + at_once])
            await asyncio.gather(*works)
        return results

    def _setbacks_of(self, loop: Loop) -> Setbacks:
        """Return the subjects of a loop that are set aside; from its first turn on they are shown."""
        if loop.name not in self._setbacks:
            self._setbacks[loop.name] = setbacks = Setbacks()
            self._gauge.watch(loop.name, lambda: setbacks.count(self._clock()))
        return self._setbacks[loop.name]

    async def _run_one(self, loop: Loop, body: Callable[[S], Awaitable[T]], subject: S, results: list[T]) -> None:
        name, setbacks = loop.identity(subject), self._setbacks_of(loop)
        try:
            results.append(await body(subject))
        except Exception as error:
            setback = setbacks.fail(name, self._clock())
            is_expected = isinstance(error, TransientError)
            text = "%s: %s is set aside for %.0f seconds after %d failures: %s: %s"
            values = (loop.name, name, setback.pause, setback.tries, type(error).__name__, error)
            log.warning(text, *values, exc_info=None if is_expected or setback.tries > 1 else error)
        else:
            if setbacks.succeed(name):
                log.info("%s: %s has succeeded and is no longer set aside", loop.name, name)


async def attempt(act: Callable[[], Awaitable[object]], name: str) -> None:
    """Act; an error is logged under a name, and the act is left to its next turn."""
    try:
        await act()
    except TransientError as transient:
        log.warning("%s waits: %s", name, transient)
    except Exception:  # a refused call or a bug stays visible in the log, and the next act is made
        log.exception("%s failed; continuing", name)


async def repeat(
    act: Callable[[], Awaitable[object]], every_seconds: float, stopping: asyncio.Event, name: str
) -> None:
    """Act at an interval until stopped; an error only delays."""
    while not stopping.is_set():
        await attempt(act, name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every_seconds):
                await stopping.wait()
