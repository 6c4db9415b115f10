"""The gauge of subjects that are set aside, in memory."""

from collections.abc import Callable


class Gauge:
    """A `SetAsideGauge`: the present number of each loop."""

    def __init__(self) -> None:
        self._counts: dict[str, Callable[[], int]] = {}

    def watch(self, loop: str, count: Callable[[], int]) -> None:
        """Keep the loop."""
        self._counts[loop] = count

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers as they are now."""
        return {loop: count() for loop, count in self._counts.items()}


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at
