"""Classify the errors of activities: refusals are final, transient errors retried, bugs wait for an operator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.core.errors import Refusal
from domain.core.evidence import EvidenceMissing
from domain.core.transient import PausedError, TransientError

TRANSIENT = "transient"
PAUSED = "paused"
BUG = "bug"
EVIDENCE_MISSING = EvidenceMissing.code
# Within one heartbeat timeout. The first comes after a pause: each is a call that the engine writes down, and its clock
# runs from the start of the activity, which is mostly over by then.
BEATS = 2


class FailureInterceptor(Interceptor):
    """Wraps every activity in a `FailureClassifier`."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap the activity."""
        return FailureClassifier(next)


class FailureClassifier(ActivityInboundInterceptor):
    """Turns an activity's exception into an `ApplicationError`; its type is the failure kind or the refusal's code."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Run the activity, with heartbeats if it has a heartbeat timeout, and classify its failure."""
        _check_in_time(activity.info())
        try:
            async with _heartbeats():
                return await self.next.execute_activity(input)
        except Refusal as refusal:
            benign = ApplicationErrorCategory.BENIGN  # an answer, not an incident: no stack trace in the log
            raise ApplicationError(
                str(refusal), refusal.data, type=refusal.code, non_retryable=True, category=benign
            ) from None
        except TransientError as transient:
            activity.logger.warning("transient error: %s", transient)
            raise ApplicationError(
                str(transient),
                type=PAUSED if isinstance(transient, PausedError) else TRANSIENT,
                # A local activity would sleep within its workflow task: its workflow waits instead. And an outage that
                # has been waited for ends the round.
                non_retryable=transient.has_waited or (transient.pause is not None and activity.info().is_local),
                category=ApplicationErrorCategory.BENIGN,
                next_retry_delay=transient.pause,
            ) from None
        except ApplicationError:
            raise
        except Exception as error:
            activity.logger.exception("activity failed with an unexpected error")
            raise ApplicationError(type(error).__name__, type=BUG, non_retryable=True) from error


def _check_in_time(info: activity.Info) -> None:
    """End the local tries whose time was over in the pause before this one: the library ends a try, but no pause."""
    limit = info.schedule_to_close_timeout
    if info.is_local and limit is not None and datetime.now(UTC) - info.scheduled_time >= limit:
        benign = ApplicationErrorCategory.BENIGN
        raise ApplicationError("the local tries are over", type=TRANSIENT, non_retryable=True, category=benign)


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Send heartbeats within the block, so that Temporal notices a killed process within seconds."""
    timeout = activity.info().heartbeat_timeout
    beating = asyncio.create_task(_beat(timeout.total_seconds() / BEATS)) if timeout else None
    try:
        yield
    finally:
        if beating is not None:
            beating.cancel()


async def _beat(seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        activity.heartbeat()
