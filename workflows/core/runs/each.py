"""Work of a workflow on many subjects, each by itself: one that fails is set aside, and the others go on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from temporalio import workflow

from activities.core.loops import loop_of
from activities.core.setbacks import Setback, Setbacks
from workflows.core.activity_calls import FailedStep
from workflows.core.operator_status import OperatorStatus
from workflows.core.reasons import Reason

S = TypeVar("S")
T = TypeVar("T")
FIRST_PAUSE_SECONDS = 60.0
PAUSE_SECONDS_MAX = 86_400.0
REASON_CHARS_MAX = 200


class WorkflowEach:
    """Runs the body of one loop; `known` are the subjects that an earlier run set aside.

    The body's calls are attempts (`ActivityCaller.attempt`): a step that fails sets its subject aside, for longer each
    time. While there are any, the workflow needs an operator. No metric is set here: it would stay in this worker when
    the next run is another worker's.
    """

    def __init__(self, status: OperatorStatus, known: Mapping[str, Setback]) -> None:
        self._status = status
        self._setbacks = Setbacks(FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX, known)

    @property
    def set_aside(self) -> dict[str, Setback]:
        """The subjects that are set aside, to be carried to the next run."""
        return self._setbacks.known()

    def forget(self) -> None:
        """Take every subject back: an operator wants them tried now."""
        self._setbacks = Setbacks(FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX)

    async def run(self, body: Callable[[S], Awaitable[T]], subjects: Iterable[S]) -> list[T]:
        """Run the body for all subjects that are due, side by side; return the results of those that did not fail."""
        loop, now = loop_of(body), workflow.time()
        self._setbacks.forget_solved(now)
        due = [subject for subject in subjects if self._setbacks.is_due(loop.identity(subject), now)]
        results = await asyncio.gather(*(self._run_one(body, subject) for subject in due))
        self._show(loop.name)
        return [result for found in results for result in found]

    async def _run_one(self, body: Callable[[S], Awaitable[T]], subject: S) -> list[T]:
        """Return the result, or nothing after a failure."""
        name = loop_of(body).identity(subject)
        try:
            result = await body(subject)
        except FailedStep as failure:
            self._setbacks.fail(name, workflow.time(), failure.message[:REASON_CHARS_MAX])
            workflow.logger.warning("%s is set aside: %s", name, failure.message)
            return []
        self._setbacks.succeed(name)
        return [result]

    def _show(self, loop: str) -> None:
        last = next(reversed(self._setbacks.known().items()), None)
        if last is None:
            self._status.clear_need(loop)
            return
        name, setback = last
        text = f"{len(self._setbacks)} set aside, such as {name}: {setback.reason}"
        self._status.raise_need(loop, Reason.SET_ASIDE, text)
