"""The price of a compute unit: what was paid lately, between floor and ceiling, and more after an expiry."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from solders.pubkey import Pubkey

from adapters.solana.rpc.client import NodeClient
from adapters.solana.signer.fees import FRESH_SECONDS, PriorityFees
from domain.core.transient import TransientError

ACCOUNTS = [Pubkey.new_unique(), Pubkey.new_unique()]


class Node:
    """A node that tells recent fees, and what it was asked."""

    def __init__(self, *fees: int) -> None:
        self.fees = fees
        self.asked: list[list[Pubkey]] = []
        self.is_away = False

    async def get_recent_prioritization_fees(self, accounts: list[Pubkey]) -> Any:
        self.asked.append(accounts)
        if self.is_away:
            raise TransientError("the method is refused")
        return SimpleNamespace(value=[SimpleNamespace(prioritization_fee=fee) for fee in self.fees])


class Fees:
    """Prices from 1,000 to 9,000, with a clock that is moved by hand."""

    def __init__(self, node: Node, floor: int = 1_000, ceiling: int = 9_000) -> None:
        self.time = 0.0
        self.fees = PriorityFees(cast("NodeClient", node), floor, ceiling, lambda: self.time)


@pytest.mark.parametrize(
    ("recent", "price"),
    [((), 1_000), ((0, 0, 0, 0), 1_000), ((1, 2_000, 3_000, 5_000), 5_000), ((10, 20, 2_000, 4_000, 90_000), 4_000),
     ((50_000,), 9_000)],
)  # fmt: skip
async def test_the_price_follows_the_recent_ones(recent: tuple[int, ...], price: int) -> None:
    """The third quartile, never below the floor, never above the ceiling."""
    assert await Fees(Node(*recent)).fees.price(ACCOUNTS) == price


@pytest.mark.parametrize(("before", "price"), [(0, 1_000), (1_000, 2_000), (4_000, 8_000), (8_000, 9_000)])
async def test_the_price_rises_after_an_expiry(before: int, price: int) -> None:
    """At least twice as much as the expired bytes offered, up to the ceiling."""
    assert await Fees(Node(10)).fees.price(ACCOUNTS, before) == price


async def test_a_node_is_asked_once_in_ten_seconds() -> None:
    """For each set of accounts."""
    node = Node(2_000)
    fees = Fees(node)
    for fees.time in (0.0, FRESH_SECONDS - 1, FRESH_SECONDS):
        assert await fees.fees.price(ACCOUNTS) == 2_000
    await fees.fees.price(ACCOUNTS[:1])
    assert node.asked == [ACCOUNTS, ACCOUNTS, ACCOUNTS[:1]]


async def test_a_node_that_tells_nothing_costs_no_mint() -> None:
    """The price before is kept; without one the floor is offered."""
    node = Node(3_000)
    fees = Fees(node)
    node.is_away = True
    assert await fees.fees.price(ACCOUNTS) == 1_000
    node.is_away, fees.time = False, FRESH_SECONDS
    assert await fees.fees.price(ACCOUNTS) == 3_000
    node.is_away, fees.time = True, 2 * FRESH_SECONDS
    assert await fees.fees.price(ACCOUNTS) == 3_000


async def test_one_price_asks_nobody() -> None:
    """Where floor and ceiling are equal."""
    node = Node(5)
    assert await Fees(node, 700, 700).fees.price(ACCOUNTS, 600) == 700
    assert node.asked == []


async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rush of many shows does not fill the memory."""
    monkeypatch.setattr("adapters.solana.signer.fees._CACHED_MAX", 2)
    node = Node(2_000)
    fees = Fees(node)
    for _ in range(2):
        for account in (*ACCOUNTS, Pubkey.new_unique()):
            await fees.fees.price([account])
    assert len(fees.fees._read) <= 2
