"""Metrics of the reconciliation: cents that nothing explains, broken invariants, and the age of the last look."""

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Gauge

UNEXPLAINED = Gauge(
    "boxoffice_unexplained_minor",
    "Minor units by which the books exceed Stripe's balance, or (negative) fall short of it",
    ("currency",),
)
BROKEN = Gauge("boxoffice_invariant_violations", "Subjects that break an invariant", ("invariant",))
AGE = Gauge("boxoffice_reconciled_seconds", "Seconds since every system was last read and compared")


class Reconciled:
    """Shows the last reconciliation; one that could not be read leaves it, and its age grows."""

    def __init__(self, invariants: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        AGE.set_function(lambda: self._clock() - self._at)
        for name in invariants:
            BROKEN.labels(name).set(0)

    def show(self, unexplained_minor: Mapping[str, int], violations: Mapping[str, int]) -> None:
        """Show the difference of each currency, and the number of violations of each invariant (all of them)."""
        for currency, amount in unexplained_minor.items():
            UNEXPLAINED.labels(currency).set(amount)
        for name, number in violations.items():
            BROKEN.labels(name).set(number)
        self._at = self._clock()
