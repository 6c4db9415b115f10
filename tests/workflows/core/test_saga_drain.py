"""The two ways in which the saga kernel waits: to the end of one work, and to the end of all."""

import asyncio

import pytest

from workflows.core.saga import drain, gather_all


async def test_a_cancelled_waiter_still_waits() -> None:
    """Cancels of the one who waits, however many, do not reach the work, and its result is not lost."""
    go_on = asyncio.Event()

    async def work() -> str:
        await go_on.wait()
        return "done"

    waiting = asyncio.create_task(drain(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel()
    go_on.set()
    assert await waiting == "done"


async def test_work_that_is_cancelled_itself_is_not_waited_for() -> None:
    """When the engine takes the whole run away, there is no end to wait for."""

    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await drain(work())


async def test_a_failure_waits_for_its_neighbours() -> None:
    """The others come to their end before the failure of one is raised."""
    ended: list[str] = []

    async def fail() -> None:
        raise ValueError("one")

    async def go_on() -> None:
        await asyncio.sleep(0.01)
        ended.append("other")

    with pytest.raises(ValueError, match="one"):
        await gather_all(fail(), go_on())
    assert ended == ["other"]


async def test_a_drain_that_is_thrown_away_ends_quietly() -> None:
    """A worker that forgets a workflow closes its coroutines: there is no result to ask for."""
    working = drain(asyncio.sleep(60))
    working.send(None)
    working.close()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
