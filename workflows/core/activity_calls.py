"""Rounds: how a workflow calls an activity through transient errors.

The server's own retries cannot be seen by the workflow, so they are bounded to a round. After a failed round the
purchase says that it needs an operator and begins the next one; a refusal ends the step; anything else is a bug in an
activity, and is tried again slowly until it is fixed.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError

from activities.core.failures import BUG
from activities.core.task_queues import MINT, PURCHASES, STRIPE
from workflows.core.saga import drain

T = TypeVar("T")
BUG_PAUSE = timedelta(seconds=60)
TRANSIENT_PAUSE = timedelta(seconds=10)
LOCAL_ATTEMPTS = 8  # about five seconds of pauses; the timeout ends a try that hangs, but not the pauses between tries


class CallPolicy(NamedTuple):
    """How one kind of activity is called: its queue, its patience and the length of a round.

    With `local` the first try runs inside the workflow's worker, for so long in all: it saves the engine two thirds of
    its state transitions. Only keyed steps may, since a lost task runs them again.
    """

    queue: str
    start_to_close: timedelta
    attempts: int
    interval_max: timedelta
    heartbeat: timedelta = timedelta(seconds=4)
    local: timedelta | None = None


STORE = CallPolicy(PURCHASES, timedelta(seconds=5), 10, timedelta(seconds=2), local=timedelta(seconds=5))
# Where a cancel must be seen before the next step: the engine tells of one only between its own tasks.
STORE_REGULAR = STORE._replace(local=None)
STRIPE_POLICY = CallPolicy(STRIPE, timedelta(seconds=15), 8, timedelta(seconds=10))
STRIPE_LOCAL_FIRST = STRIPE_POLICY._replace(local=timedelta(seconds=5))
MINT_POLICY = CallPolicy(MINT, timedelta(seconds=120), 6, timedelta(seconds=10))


class OperatorAlerts:
    """Whether a workflow needs an operator, and why; `changed` shows it."""

    def __init__(self, changed: Callable[[str | None], None]) -> None:
        self._changed = changed
        self._causes: dict[str, str] = {}

    def ask(self, activity: str, cause: str) -> None:
        """Say that an activity does not get through."""
        self._causes[activity] = cause
        self._changed(self.text)

    def settle(self, activity: str) -> None:
        """Say that it got through."""
        if self._causes.pop(activity, None) is not None:
            self._changed(self.text)

    @property
    def text(self) -> str | None:
        """What does not get through, in one line, or None."""
        return "; ".join(f"{name}: {cause}" for name, cause in self._causes.items()) or None


class RefusedStep(ApplicationError):  # noqa: N818 - a refusal is an answer, not an error
    """A rule said no; `code` is the refusal's."""

    def __init__(self, code: str, message: str, *details: Any) -> None:
        super().__init__(message, *details, type=code, non_retryable=True)
        self.code = code


class ActivityCaller:
    """Calls activities in rounds until they succeed or are refused."""

    def __init__(self, attention: OperatorAlerts) -> None:
        self._attention = attention

    async def call(
        self,
        method: Callable[[Any, Any], Awaitable[T]],
        command: Any,
        pace: CallPolicy,
        summary: str,
        *,
        forward_only: bool = False,
    ) -> T:
        """Run one activity. With `forward_only` a refusal too waits for an operator, and a cancel changes nothing."""
        calling = self._call(method, command, pace, summary, forward_only=forward_only)
        return await (drain(calling) if forward_only else calling)

    async def _call(
        self,
        method: Callable[[Any, Any], Awaitable[T]],
        command: Any,
        pace: CallPolicy,
        summary: str,
        *,
        forward_only: bool,
    ) -> T:
        name = method.__name__
        while True:
            try:
                result: T = await self._try(method, command, pace, summary)
            except FailureError as error:
                cause = _cause_of(error)
                if isinstance(cause, CancelledError):
                    raise
                refused = isinstance(cause, ApplicationError) and cause.non_retryable and cause.type != BUG
                if refused and isinstance(cause, ApplicationError) and not forward_only:
                    self._attention.settle(name)
                    raise RefusedStep(cause.type or "refused", cause.message, *cause.details) from error
                self._attention.ask(name, str(cause))
                patient = refused or (isinstance(cause, ApplicationError) and cause.type == BUG)
                await workflow.sleep(
                    BUG_PAUSE if patient else TRANSIENT_PAUSE, summary=f"before the next round of {name}"
                )
                continue
            self._attention.settle(name)
            return result

    async def _try(self, method: Callable[[Any, Any], Awaitable[T]], command: Any, pace: CallPolicy, summary: str) -> T:
        """Run the activity locally if it may; what is not decided there is tried as a regular one."""
        if pace.local is None:
            return await self._round(method, command, pace, summary)
        try:
            return await workflow.execute_local_activity_method(
                method,
                command,
                schedule_to_close_timeout=pace.local,
                summary=summary,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(milliseconds=100),
                    maximum_interval=timedelta(seconds=1),
                    maximum_attempts=LOCAL_ATTEMPTS,
                ),
            )
        except FailureError as error:
            cause = _cause_of(error)
            if isinstance(cause, CancelledError) or (isinstance(cause, ApplicationError) and cause.non_retryable):
                raise
            return await self._round(method, command, pace, summary)

    async def _round(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, pace: CallPolicy, summary: str
    ) -> T:
        return await workflow.execute_activity_method(
            method,
            command,
            task_queue=pace.queue,
            start_to_close_timeout=pace.start_to_close,
            heartbeat_timeout=pace.heartbeat,
            summary=summary,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=200),
                backoff_coefficient=2.0,
                maximum_interval=pace.interval_max,
                maximum_attempts=pace.attempts,
            ),
        )


def _cause_of(error: FailureError) -> BaseException | None:
    """Return what an activity raised: a regular one wraps it, a local one does not."""
    return error.cause if isinstance(error, ActivityError) else error
