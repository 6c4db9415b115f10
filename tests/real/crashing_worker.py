"""The real worker with crash points: at each of them the process kills itself once, as `kill -9` would.

Each file in the folder that CRASH_POINTS names is a point, `activity.before` or `activity.after`. Whoever reaches it
first removes it and dies.
"""

import os
import signal
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker

POINTS = "CRASH_POINTS"


def crash_at(point: str) -> None:
    """Die if the point has not been used yet."""
    try:
        (Path(os.environ[POINTS]) / point).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Crashing(Interceptor):
    """Puts crash points around every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Crashing(next)


class _Crashing(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name = activity.info().activity_type
        crash_at(f"{name}.before")
        result = await self.next.execute_activity(input)
        crash_at(f"{name}.after")
        return result


if __name__ == "__main__":
    worker.main(Crashing())
