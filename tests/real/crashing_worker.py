"""The real worker with crash points: at each of them it is killed once, with SIGKILL.

Each file in the folder that CRASH_POINTS names is a point: `activity.before` or `activity.after` for the first call,
or with the workflow's id before it (`~` for `/`) for that workflow only. A call that reaches a point removes it and
waits; a second later the process dies, together with every other purchase that waits at a point by then.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker
from tests.real.points import POINTS

GATHER_SECONDS = 1.0


async def crash_at(point: str) -> None:
    """Wait at an unused point until the process dies."""
    try:
        (Path(os.environ[POINTS]) / point).unlink()
    except FileNotFoundError:
        return
    asyncio.get_running_loop().call_later(GATHER_SECONDS, os.kill, os.getpid(), signal.SIGKILL)
    await asyncio.Event().wait()


class Crashing(Interceptor):
    """Puts crash points around every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Crashing(next)


class _Crashing(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name, workflow_id = activity.info().activity_type, str(activity.info().workflow_id)
        own = f"{workflow_id.replace('/', '~')}.{name}"
        await crash_at(f"{name}.before")
        await crash_at(f"{own}.before")
        try:
            return await self.next.execute_activity(input)
        finally:  # a refusal is an answer too, and can be lost
            await crash_at(f"{name}.after")
            await crash_at(f"{own}.after")


if __name__ == "__main__":
    worker.main(Crashing())
