"""Requests within a moment share one call."""

import asyncio

import pytest

from adapters.runtime.request_coalescing import WINDOW_SECONDS, BatchLoader
from domain.core.transient import TransientError

MOST = 256


class Node:
    """A loader that doubles numbers and records the size of each call."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.away = False

    async def ask(self, numbers: list[int]) -> list[int]:
        self.calls.append(len(numbers))
        if self.away:
            raise OSError("the node is away")
        return [2 * number for number in numbers]


async def test_many_who_ask_at_once_share_calls_and_get_their_own_answers() -> None:
    """Three hundred requests, some for the same key, take two calls of at most `max_batch` keys."""
    node = Node()
    doubles = BatchLoader(node.ask, MOST)
    numbers = [*range(300), *range(10)]
    found = await asyncio.gather(*(doubles.load(number) for number in numbers))
    assert found == [2 * number for number in numbers]
    assert node.calls == [MOST, 300 - MOST]
    assert await doubles.load(7) == 14
    assert len(node.calls) == 3


async def test_each_learns_that_the_node_is_away_and_the_next_is_asked_again() -> None:
    """All requests of a failed call get its error; later ones do not."""
    node = Node()
    doubles = BatchLoader(node.ask, MOST)
    node.away = True
    failed = await asyncio.gather(*(doubles.load(number) for number in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [OSError] * 3
    node.away = False
    assert await doubles.load(1) == 2


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    """A caller is cancelled while it waits; the others are answered."""
    doubles = BatchLoader(Node().ask, MOST)
    impatient = asyncio.create_task(doubles.load(5))
    patient = asyncio.create_task(doubles.load(5))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await patient == 10


class Panic(BaseException):
    """An error of native code: no Exception."""


async def _first_errors(loader: BatchLoader[int, int], count: int) -> list[object]:
    asked = [asyncio.create_task(loader.load(number)) for number in range(count)]
    async with asyncio.timeout(1):
        return await asyncio.gather(*asked, return_exceptions=True)


async def test_no_caller_waits_for_ever_when_native_code_panics() -> None:
    """The call ends by no ordinary exception: its callers get a transient error, and the next call is made."""
    broken = [True]

    async def ask(numbers: list[int]) -> list[int]:
        if broken:
            broken.clear()
            raise Panic
        return numbers

    loader = BatchLoader(ask, 2)
    found = await _first_errors(loader, 1)
    assert [type(one) for one in found] == [TransientError]
    assert await loader.load(1) == 1


@pytest.mark.parametrize("after", [0.0, WINDOW_SECONDS * 3])
async def test_no_caller_waits_for_ever_when_the_shared_call_is_cancelled(after: float) -> None:
    """Cancelled before its window or in the call itself: every caller gets a transient error."""

    async def ask(numbers: list[int]) -> list[int]:
        await asyncio.sleep(60)
        return numbers

    loader = BatchLoader(ask, 2)
    asked = [asyncio.create_task(loader.load(number)) for number in range(5)]
    await asyncio.sleep(after)
    for task in loader._tasks:
        task.cancel()
    async with asyncio.timeout(1):
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {TransientError}
    again = asyncio.create_task(loader.load(1))
    await asyncio.sleep(WINDOW_SECONDS * 3)
    assert len(loader._tasks) == 1  # a new call is made, and not waited for the cancelled one
    again.cancel()


@pytest.mark.parametrize("answers", [[], [1, 2, 3]])
async def test_a_list_of_another_length_is_an_error_for_every_caller(answers: list[int]) -> None:
    """No value is given to a wrong key, and none is missing in silence."""

    async def ask(_: list[int]) -> list[int]:
        return answers

    assert [type(one) for one in await _first_errors(BatchLoader(ask, 2), 2)] == [TransientError] * 2


async def test_requests_gather_while_a_call_is_made() -> None:
    """A slow node gets one call for all who asked meanwhile, and not one for each moment."""
    calls: list[int] = []

    async def ask(numbers: list[int]) -> list[int]:
        calls.append(len(numbers))
        await asyncio.sleep(0.1)
        return numbers

    loader = BatchLoader(ask, 100, window_seconds=0, in_flight=1)
    asked = []
    for number in range(20):
        asked.append(asyncio.create_task(loader.load(number)))
        await asyncio.sleep(0.001)
    assert await asyncio.gather(*asked) == list(range(20))
    assert len(calls) == 2
