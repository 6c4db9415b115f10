"""Whoever asks for a transaction's fate within a moment is answered by one call."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from solders.signature import Signature

from adapters.solana_fates import SIGNATURES_MAX, Fates


class Node:
    """Says of each transaction its own signature's first byte, and keeps how many were asked for in each call."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.away = False

    async def get_signature_statuses(self, signatures: list[Signature], **_: Any) -> Any:
        self.calls.append(len(signatures))
        if self.away:
            raise OSError("the node is away")
        return SimpleNamespace(value=[bytes(signature)[0] for signature in signatures])


def signature(number: int) -> Signature:
    return Signature.from_bytes(bytes([number % 256, number // 256]) + bytes(62))


async def test_many_who_ask_at_once_share_calls_and_get_their_own_answers() -> None:
    """Three hundred ask, some for the same: two calls, as many as one call may hold."""
    node = Node()
    fates = Fates(node)  # type: ignore[arg-type]
    numbers = [*range(300), *range(10)]
    found = await asyncio.gather(*(fates.of(signature(number)) for number in numbers))
    assert found == [number % 256 for number in numbers]
    assert node.calls == [SIGNATURES_MAX, 300 - SIGNATURES_MAX]
    assert await fates.of(signature(7)) == 7
    assert len(node.calls) == 3


async def test_each_learns_that_the_node_is_away_and_the_next_is_asked_again() -> None:
    """One call's failure is everybody's who shared it, and nobody's after."""
    node = Node()
    fates = Fates(node)  # type: ignore[arg-type]
    node.away = True
    failed = await asyncio.gather(*(fates.of(signature(number)) for number in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [OSError] * 3
    node.away = False
    assert await fates.of(signature(1)) == 1


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    """A caller is cancelled while it waits; the one beside it is answered."""
    fates = Fates(Node())  # type: ignore[arg-type]
    impatient = asyncio.create_task(fates.of(signature(5)))
    patient = asyncio.create_task(fates.of(signature(5)))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await patient == 5
