"""The failing calls of one activity in one run: one at a time is tried again, after pauses that grow.

So an outage costs a workflow a bounded number of events an hour, however many of its calls wait. One success lets all
go on.
"""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

PAUSE_MAX = timedelta(minutes=10)
TRIES_THAT_GROW = 16
SPREAD = 0.2  # so that not all purchases of an outage come back in the same second


class RetryLine:
    """Failing calls, in turn."""

    def __init__(self) -> None:
        self._waiting: list[object] = []
        self._tries = self._successes = 0

    def succeed(self) -> None:
        """Let all calls go on."""
        self._tries = 0
        self._successes += 1

    async def take_turn(self, pause: timedelta, is_called: Callable[[], bool], summary: str) -> None:
        """Wait until it is this call's turn and the pause has passed; or for a success of another, or to be called."""
        successes, place = self._successes, object()

        def goes_on() -> bool:
            return self._successes != successes or is_called()

        self._waiting.append(place)
        try:
            await workflow.wait_condition(lambda: self._waiting[0] is place or goes_on())
            if not goes_on():
                try:
                    await workflow.wait_condition(goes_on, timeout=self._grown(pause), timeout_summary=summary)
                except TimeoutError:  # a pause that is ended early leaves the next one as it is
                    self._tries += 1
        finally:
            self._waiting.remove(place)

    def _grown(self, pause: timedelta) -> timedelta:
        """Return the pause, longer after each one that was over, and never shorter than the first."""
        if not self._tries:
            return pause
        times: int = 2 ** min(self._tries, TRIES_THAT_GROW)
        spread: float = SPREAD * workflow.random().random()
        return min(pause * times, max(pause, PAUSE_MAX)) * (1 + spread)
