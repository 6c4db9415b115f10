"""The watch of the payer: figures at each look, one alarm while the money is low, whatever is restarted."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from activities.sales.funds.watch import PayerWatch
from domain.views.minting import MintingDocument
from tests.fakes.samples import AT


@dataclass
class Node:
    """A node as the pool shows it."""

    name: str = "node"
    trouble: str = ""
    calls: int = 3
    failures: int = 0
    limited: int = 0


@dataclass
class State:
    """The payer as it is read."""

    lamports: int
    ticket_lamports: int = 100
    nodes: list[Node] = field(default_factory=lambda: [Node()])


class World:
    """A payer, a board and gauges in memory."""

    def __init__(self) -> None:
        self.address = "payer"
        self.lamports = 1_000
        self.now = AT
        self.sold = 2
        self.kept: MintingDocument | None = None
        self.shown: list[MintingDocument] = []

    async def look(self) -> State:
        return State(self.lamports)

    async def owed(self) -> int:
        return self.sold

    async def load(self) -> MintingDocument | None:
        return self.kept

    async def save(self, document: MintingDocument) -> None:
        self.kept = document

    def set(self, document: MintingDocument) -> None:
        self.shown.append(document)

    def watch(self) -> PayerWatch:
        return PayerWatch(self, self, self, 500, lambda: self.now)


@pytest.fixture
def world() -> World:
    return World()


async def test_each_look_is_stored_and_shown(world: World) -> None:
    """The runway is what the money above the mark pays for, less what is owed."""
    document = await world.watch().look()
    assert world.kept == document
    assert world.shown == [document]
    assert (document["lamports"], document["owed"], document["runway"], document["low_since"]) == (1_000, 2, 3, None)
    assert document["nodes"] == [{"name": "node", "trouble": "", "calls": 3, "failures": 0, "limited": 0}]


async def test_there_is_one_alarm_until_the_money_comes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Also when the worker restarts meanwhile; the end is told too, and the next shortage is another alarm."""
    caplog.set_level(logging.WARNING)
    world.lamports = 499
    for _ in range(3):
        world.now += timedelta(minutes=1)
        await world.watch().look()
    assert caplog.text.count("ALARM: minting pauses") == 1
    assert world.kept is not None
    assert world.kept["low_since"] == (AT + timedelta(minutes=1)).isoformat()
    world.lamports = 500
    await world.watch().look()
    assert world.kept == world.shown[-1]
    assert (world.shown[-1]["low_since"], caplog.text.count("minting goes on")) == (None, 1)
    world.lamports = 0
    await world.watch().look()
    assert caplog.text.count("ALARM: minting pauses") == 2
