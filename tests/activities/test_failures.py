"""Failures of activities as the engine gets them: which are tried again within a round."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.core.failures import BUG, TRANSIENT, FailureClassifier
from domain.core.errors import WrongState
from domain.core.transient import TransientError

CALL: Callable[[], Any] = lambda: None  # noqa: E731
GIVEN = ExecuteActivityInput(fn=CALL, args=(), executor=None, headers={})


class Slow(ActivityInboundInterceptor):
    """An activity that takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await asyncio.sleep(self._seconds)


class Failing(ActivityInboundInterceptor):
    """An activity that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        raise self._error


async def classified(error: Exception) -> ApplicationError:
    classifier = FailureClassifier(Failing(error))
    with pytest.raises(ApplicationError) as raised:
        await ActivityEnvironment().run(classifier.execute_activity, GIVEN)
    return raised.value


async def test_a_transient_error_is_tried_again_unless_it_has_waited_already() -> None:
    """An outage that an hour was given to ends the round, so that an operator is told."""
    assert [
        ((failure := await classified(error)).type, failure.non_retryable)
        for error in (
            TransientError("away"),
            TransientError("busy", pause=timedelta(seconds=3)),
            TransientError("away for an hour", has_waited=True),
            WrongState("no"),
            ValueError("oops"),
        )
    ] == [
        (TRANSIENT, False),
        (TRANSIENT, False),
        (TRANSIENT, True),
        (WrongState.code, True),
        (BUG, True),
    ]


@pytest.mark.parametrize(("seconds", "beats"), [(0.0, 0), (0.1, 0), (0.7, 3)])
async def test_an_activity_sends_heartbeats_once_it_takes_longer_than_most(seconds: float, beats: int) -> None:
    """The server's clock runs from the start of the activity, so that a short one needs none: each is a transition."""
    environment, sent = ActivityEnvironment(), list[tuple[Any, ...]]()
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.4))
    environment.on_heartbeat = lambda *details: sent.append(details)
    await environment.run(FailureClassifier(Slow(seconds)).execute_activity, GIVEN)
    assert len(sent) == beats


@pytest.mark.parametrize(("is_local", "seconds_ago", "begins"), [(True, 2, True), (True, 4, False), (False, 4, True)])
async def test_a_local_try_does_not_begin_after_its_time(is_local: bool, seconds_ago: int, begins: bool) -> None:  # noqa: FBT001
    """A pause may end after it; the error is a transient one that ends the local tries."""
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        is_local=is_local,
        schedule_to_close_timeout=timedelta(seconds=3.5),
        scheduled_time=datetime.now(UTC) - timedelta(seconds=seconds_ago),
    )
    trying = environment.run(FailureClassifier(Slow(0)).execute_activity, GIVEN)
    if begins:
        await trying
        return
    with pytest.raises(ApplicationError) as raised:
        await trying
    assert (raised.value.type, raised.value.non_retryable) == (TRANSIENT, True)
