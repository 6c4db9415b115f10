"""Requests within a moment share one call."""

import asyncio

import pytest

from adapters.runtime.request_coalescing import BatchLoader

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
