"""The number of subjects that a loop has set aside, as a metric."""

from collections.abc import Callable

from prometheus_client import Gauge

SET_ASIDE = Gauge("boxoffice_subjects_set_aside", "Subjects that a loop has set aside after a failure", ("loop",))


class SetAsideMetric:
    """Counts at each scrape, so that a loop that no longer looks does not keep its last number."""

    def watch(self, loop: str, count: Callable[[], int]) -> None:
        """Show the number of a loop's subjects."""
        SET_ASIDE.labels(loop).set_function(count)
