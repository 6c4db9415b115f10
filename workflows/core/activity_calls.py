"""Call activities in rounds, so that a workflow survives transient errors.

The workflow cannot see the server's own retries, so these are bounded to a round. After a failed round the workflow
sets NeedsOperator and begins the next round. A refusal ends the step. Anything else is a bug in an activity: it is
retried slowly until it is fixed.

An answer is evidence only with its event: anybody can answer for an activity by hand. A step that misses the events of
the step before refuses, and that one is repeated.
"""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError

from activities.core.failures import BUG, EVIDENCE_MISSING, PAUSED, TRANSIENT
from activities.core.task_queues import PURCHASES, queues_of
from domain.core.errors import RefundExceeds
from workflows.core import patches
from workflows.core.operator_status import OperatorStatus
from workflows.core.reasons import Reason
from workflows.core.runs.line import RetryLine
from workflows.core.runs.long_runs import RunHistory
from workflows.core.saga import drain

T = TypeVar("T")
BUG_PAUSE = timedelta(seconds=60)
TRANSIENT_PAUSE = timedelta(seconds=10)
LOCAL_ATTEMPTS = 8  # 2.3 seconds of pauses between them
LOCAL_PAUSE_MAX = timedelta(milliseconds=400)
# All local tries of a step. They and the last pause end before the workflow task is renewed, always (decision 0086): a
# task that was renewed with nothing to tell, and is then lost, may leave a history that no worker can replay.
LOCAL = timedelta(seconds=3.5)


class CallPolicy(NamedTuple):
    """The call policy of one kind of activity: timeouts and the length of a round; the activity names its queue.

    With `local` the first attempts run inside the workflow's worker, for at most that long: this saves the engine two
    thirds of its state transitions. Only keyed steps may, since a lost task runs them again.
    """

    start_to_close: timedelta
    attempts: int
    interval_max: timedelta
    heartbeat: timedelta = timedelta(seconds=4)
    local: timedelta | None = None


class How(TypedDict, total=False):
    """How a step goes on after a refusal: forward only, but for one code, and with the step before it."""

    forward_only: bool
    unless: str
    before: Callable[[], Coroutine[Any, Any, Any]] | None


STORE = CallPolicy(timedelta(seconds=5), 10, timedelta(seconds=2), local=LOCAL)
# Regular activity on purpose: a cancel is delivered only between workflow tasks.
STORE_REGULAR = STORE._replace(local=None)
STRIPE_POLICY = CallPolicy(timedelta(seconds=15), 8, timedelta(seconds=10))
STRIPE_LOCAL_FIRST = STRIPE_POLICY._replace(local=LOCAL)
# In an outage of the chain the step itself waits for an hour, in line (decision 0048).
MINT_POLICY = CallPolicy(timedelta(minutes=70), 6, timedelta(seconds=10))


class RefusedStep(ApplicationError):  # noqa: N818 - a refusal is an answer, not an error
    """A step was refused by a rule; `code` is the refusal's code."""

    def __init__(self, code: str, message: str, *details: Any) -> None:
        super().__init__(message, *details, type=code, non_retryable=True)
        self.code = code


class FailedStep(ApplicationError):  # noqa: N818 - the caller goes on without it
    """A step failed in one round, by a bug or a transient error."""


class ActivityCaller:
    """Calls activities in rounds until they succeed or are refused."""

    def __init__(self, status: OperatorStatus, history: RunHistory) -> None:
        self._status = status
        self._history = history
        self._retries = 0
        self._given_up: dict[str | None, RefusedStep] = {}
        self._lines: dict[str, RetryLine] = {}

    def retry_now(self) -> None:
        """End the pauses before next rounds."""
        self._retries += 1

    def give_up(self, refusal: RefusedStep, step: str | None = None) -> None:
        """Refuse a step from its next round on, or (None) every step that is not forward only."""
        self._given_up[step] = refusal
        self._retries += 1

    async def call(
        self,
        method: Callable[[Any, Any], Awaitable[T]],
        command: Any,
        policy: CallPolicy,
        summary: str,
        **how: Unpack[How],
    ) -> T:
        """Run one activity. With `forward_only` a refusal waits for an operator too, and a cancel has no effect.

        `unless` is the code of a refusal that is an answer all the same.
        `before` is the step before it, repeated when its events are missing. A command that is a
        function is asked anew before each round.
        """
        calling = self._call(method, command, policy, summary, how)
        return await (drain(calling) if how.get("forward_only") else calling)

    async def attempt(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, policy: CallPolicy, summary: str
    ) -> T:
        """Run one round of one activity; raise FailedStep when it fails, RefusedStep when it is refused."""
        try:
            return await self._try(method, command, policy, summary)
        except FailureError as error:
            cause = _cause_of(error)
            if isinstance(cause, CancelledError):
                raise
            if isinstance(cause, ApplicationError) and _is_final(cause) and cause.type != BUG:
                raise RefusedStep(cause.type or "refused", cause.message, *cause.details) from error
            raise FailedStep(str(cause), type="failed", non_retryable=True) from error

    async def _call(
        self,
        method: Callable[[Any, Any], Awaitable[T]],
        command: Any,
        policy: CallPolicy,
        summary: str,
        how: How,
    ) -> T:
        name, before = method.__name__, how.get("before")
        forward_only, repeated = how.get("forward_only", False), False
        while True:
            given_up = self._given_up.get(name) or (None if forward_only else self._given_up.get(None))
            if given_up is not None:
                self._status.clear_need(name)
                raise given_up
            try:
                given = command() if callable(command) else command
                result: T = await self._try(method, given, policy, summary)
            except FailureError as error:
                cause = _cause_of(error)
                if isinstance(cause, CancelledError):
                    raise
                if before is not None and isinstance(cause, ApplicationError) and cause.type == EVIDENCE_MISSING:
                    self._status.raise_need(name, Reason.REFUSED, f"{cause.message}: the step before is repeated")
                    if repeated:  # and its answer was not true again
                        await self._pause(name, BUG_PAUSE, f"before the step before {name} is repeated")
                    repeated = True
                    await before()
                    continue
                if isinstance(cause, ApplicationError) and _is_answer(cause, how):
                    self._status.clear_need(name)
                    raise RefusedStep(cause.type or "refused", cause.message, *cause.details) from error
                self._tell(name, cause)
                await self._pause(name, _pause_after(cause), f"before the next round of {name}")
                self._history.check()  # after the pause, so that runs do not follow each other without one
                continue
            self._status.clear_need(name)
            self._line(name).succeed()
            return result

    def _tell(self, name: str, cause: BaseException | None) -> None:
        """Ask for an operator, unless one was told of the cause already, once for all that wait."""
        if isinstance(cause, ApplicationError) and cause.type == PAUSED:
            self._status.clear_need(name)
        else:
            self._status.raise_need(name, _reason_of(cause), str(cause))

    def _line(self, name: str) -> RetryLine:
        """Return the line of the failing calls of an activity."""
        return self._lines.setdefault(name, RetryLine())

    async def _pause(self, name: str, pause: timedelta, summary: str) -> None:
        """Sleep, in line with other failing calls of the activity, or until an operator wants a try now."""
        seen = self._retries
        stays = workflow.current_update_info() is not None  # an update comes to its end in this run

        def is_called() -> bool:
            return self._retries != seen or (self._history.ends and not stays)

        if patches.HISTORIES_END.on():
            await self._line(name).take_turn(pause, is_called, summary)
            return
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(is_called, timeout=pause, timeout_summary=summary)

    async def _try(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, policy: CallPolicy, summary: str
    ) -> T:
        """Try the activity locally where the policy allows it, then as a regular one."""
        if policy.local is None:
            return await self._round(method, command, policy, summary)
        if PURCHASES not in queues_of(method):
            raise TypeError(f"{method.__qualname__} is called locally: declare it with local_first=True")
        try:
            return await workflow.execute_local_activity_method(
                method,
                command,
                schedule_to_close_timeout=policy.local,
                summary=summary,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(milliseconds=100),
                    maximum_interval=LOCAL_PAUSE_MAX,
                    maximum_attempts=LOCAL_ATTEMPTS,
                ),
            )
        except FailureError as error:
            cause = _cause_of(error)
            if isinstance(cause, CancelledError) or _is_final(cause):
                raise
            if isinstance(cause, ApplicationError) and cause.next_retry_delay is not None:
                await workflow.sleep(cause.next_retry_delay, summary=f"the pause that {method.__name__} asks for")
            return await self._round(method, command, policy, summary)

    async def _round(
        self, method: Callable[[Any, Any], Awaitable[T]], command: Any, policy: CallPolicy, summary: str
    ) -> T:
        return await workflow.execute_activity_method(
            method,
            command,
            task_queue=queues_of(method)[0],
            start_to_close_timeout=policy.start_to_close,
            heartbeat_timeout=policy.heartbeat,
            summary=summary,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=200),
                backoff_coefficient=2.0,
                maximum_interval=policy.interval_max,
                maximum_attempts=policy.attempts,
            ),
        )


def _is_final(cause: BaseException | None) -> bool:
    """Return whether an error is a refusal or a bug: another try would fail like this one."""
    return isinstance(cause, ApplicationError) and cause.non_retryable and cause.type not in {TRANSIENT, PAUSED}


def _is_answer(cause: ApplicationError, how: How) -> bool:
    """Return whether an error is a refusal with which its step ends."""
    if not _is_final(cause) or cause.type == BUG:
        return False
    return not how.get("forward_only") or (cause.type == how.get("unless") and patches.SALE_GOES_ON.on())


def _reason_of(cause: BaseException | None) -> Reason:
    """Return the reason why a step needs an operator."""
    if not _is_final(cause):
        return Reason.OUTAGE
    if isinstance(cause, ApplicationError) and cause.type == RefundExceeds.code:
        return Reason.REFUND_EXCESS
    return Reason.BUG if isinstance(cause, ApplicationError) and cause.type == BUG else Reason.REFUSED


def _pause_after(cause: BaseException | None) -> timedelta:
    """Return the pause before the next round; a transient error may ask for a longer one."""
    if not isinstance(cause, ApplicationError):
        return TRANSIENT_PAUSE
    return BUG_PAUSE if _is_final(cause) else max(TRANSIENT_PAUSE, cause.next_retry_delay or TRANSIENT_PAUSE)


def _cause_of(error: FailureError) -> BaseException | None:
    """Return the error that an activity raised: a regular activity wraps it, a local one does not."""
    return error.cause if isinstance(error, ActivityError) else error
