"""The pace of one method at one node: calls in turn, so many a second, and a pause when the node asks for one."""

from collections.abc import Callable


class Pace:
    """Gives each call its turn; a turn that is taken is used up, whatever becomes of the call."""

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        self._interval = 1 / per_second
        self._now = now
        self._free_at = 0.0

    def wait(self) -> float:
        """Return the seconds until the next free turn."""
        return max(0.0, self._free_at - self._now())

    def take(self) -> float:
        """Take the next turn; return the seconds until it."""
        wait = self.wait()
        self._free_at = self._now() + wait + self._interval
        return wait

    def pause(self, seconds: float) -> None:
        """Give no further turn for these seconds."""
        self._free_at = max(self._free_at, self._now() + seconds)
