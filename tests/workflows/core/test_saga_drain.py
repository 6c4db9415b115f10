"""The saga kernel's `drain` waits for one awaitable, `gather_all` for all of them."""

import asyncio

import pytest

from workflows.core.saga import drain, gather_all


async def test_a_cancelled_waiter_still_waits() -> None:
    """Cancels of the waiter, however many, do not reach the work, and its result is not lost."""
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
    """When the engine evicts the whole run, `drain` ends too."""

    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await drain(work())


async def test_a_failure_waits_for_its_neighbours() -> None:
    """The failure of one is raised after the others have ended."""
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
    """A worker that evicts a workflow closes its coroutines, and `drain` raises nothing."""
    working = drain(asyncio.sleep(60))
    working.send(None)
    working.close()
    remaining = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in remaining:
        task.cancel()
    await asyncio.gather(*remaining, return_exceptions=True)
