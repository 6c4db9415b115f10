"""A workflow whose local tries may outlast its task, and its worker as a process of its own that a test can kill.

Started as `python -m tests.workflows.core.renewed_tasks ADDRESS SECONDS`: each call but the first look takes so long.
"""

import asyncio
import contextlib
import sys
from datetime import timedelta
from typing import TypeVar, cast

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.worker import Worker

T = TypeVar("T")
QUEUE = "renewed-tasks"
PAUSE = 4.0


class Calls:
    """Two steps: the first look answers at once; all other calls take `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._looked = 0

    @activity.defn(name="look")
    async def look(self) -> int:
        self._looked += 1
        await asyncio.sleep(self._seconds if self._looked > 1 else 0)
        return self._looked

    @activity.defn(name="record")
    async def record(self) -> str:
        await asyncio.sleep(self._seconds)
        return "recorded"


@workflow.defn(name="LooksAndRecords")
class LooksAndRecords:
    """Looks when it is told to, and after pauses; an update records something beside that. Both are local steps."""

    def __init__(self) -> None:
        self._woken = False

    @workflow.update
    async def act(self, local_seconds: float) -> str | None:
        self._woken = True
        with contextlib.suppress(FailureError):
            return await _do("record", str, local_seconds)
        return None

    @workflow.run
    async def run(self, local_seconds: float) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._woken, timeout=PAUSE)
            self._woken = False
            with contextlib.suppress(FailureError):
                await _do("look", int, local_seconds)


async def _do(name: str, result: type[T], local_seconds: float) -> T:
    """Try a step once within the workflow's worker."""
    return cast(
        "T",
        await workflow.execute_local_activity(
            name,
            result_type=result,
            start_to_close_timeout=timedelta(seconds=local_seconds),
            retry_policy=RetryPolicy(maximum_attempts=1),
        ),
    )


async def main(address: str, seconds: float) -> None:
    """Serve the workflow until the process is killed."""
    calls = Calls(seconds)
    client = await Client.connect(address)
    await Worker(client, task_queue=QUEUE, workflows=[LooksAndRecords], activities=[calls.look, calls.record]).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
