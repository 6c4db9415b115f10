"""Failures of activities as the engine gets them: which are tried again within a round."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.core.failures import BUG, TRANSIENT, FailureClassifier
from domain.core.errors import WrongState
from domain.core.transient import TransientError


class Failing(ActivityInboundInterceptor):
    """An activity that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        raise self._error


async def classified(error: Exception) -> ApplicationError:
    call: Callable[[], Any] = lambda: None  # noqa: E731
    classifier = FailureClassifier(Failing(error))
    given = ExecuteActivityInput(fn=call, args=(), executor=None, headers={})
    with pytest.raises(ApplicationError) as raised:
        await ActivityEnvironment().run(classifier.execute_activity, given)
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
