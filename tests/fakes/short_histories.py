"""An engine that wants runs to end early: it suggests to continue as new at a low number of events."""

from typing import Any

from adapters.temporal.sandbox import restricted
from tests.fakes.sandbox import WorldRunner


class ShortHistories(WorldRunner):
    """The sandbox of the worlds, in which the engine's suggestion comes at `events_max` events of a run."""

    def __init__(self, events_max: int) -> None:
        super().__init__(restrictions=restricted("tests").restrictions)
        self.events_max = events_max

    def create_instance(self, det: Any) -> Any:
        """Return the instance of a run, which is told of a long history earlier."""
        instance: Any = super().create_instance(det)
        activate = instance.activate

        def told_earlier(act: Any) -> Any:
            act.continue_as_new_suggested = act.continue_as_new_suggested or act.history_length >= self.events_max
            return activate(act)

        instance.activate = told_earlier
        return instance
