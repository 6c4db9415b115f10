"""The gauge of subjects that are set aside, in memory."""


class Gauge:
    """A `SetAsideGauge`: the last number of each loop."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def set(self, loop: str, subjects: int) -> None:
        """Keep the number."""
        self.numbers[loop] = subjects


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at
