"""A sale stops before the money for its tokens is gone, by a figure of some seconds ago."""

from datetime import timedelta

import pytest

from activities.sales.funds.sale import AGE_MAX, RELOAD, SaleFunds
from activities.sales.request_purchase import PurchaseCommands
from domain.core.errors import MintingUnfunded
from domain.core.transient import TransientError
from domain.views.minting import MintingDocument
from tests.fakes.samples import AT
from tests.fakes.store_world import StoreWorld


class Figures:
    """The newest figures; `reads` counts how often they are read."""

    def __init__(self, runway: int) -> None:
        self.document: MintingDocument | None = {
            "at": AT.isoformat(), "payer": "payer", "lamports": 0, "low_lamports": 0, "ticket_lamports": 1, "owed": 0,
            "runway": runway, "low_since": None, "nodes": [],
        }  # fmt: skip
        self.reads = 0
        self.is_away = False

    async def load(self) -> MintingDocument | None:
        self.reads += 1
        if self.is_away:
            raise TransientError("the database is away")
        return self.document


async def shop(figures: Figures) -> StoreWorld:
    world = StoreWorld()
    await world.open()
    world.purchases = PurchaseCommands(world.store, SaleFunds(figures, lambda: world.now))
    return world


async def test_no_more_is_sold_than_can_be_minted() -> None:
    """What this process has sold since the figure counts too; a refusal stores nothing and frees the key."""
    figures = Figures(runway=3)
    world = await shop(figures)
    await world.request("one", floor=2)
    known = len(world.store.log)
    with pytest.raises(MintingUnfunded) as refused:
        await world.request("two", floor=2)
    assert (refused.value.data, len(world.store.log)) == ({"available": 1}, known)
    assert (await world.request("two", floor=1)).fresh
    assert figures.reads == 1


async def test_a_repeat_is_answered_without_money() -> None:
    """A purchase that was accepted is the same one, and counts once."""
    world = await shop(Figures(runway=2))
    await world.request("one", floor=2)
    assert not (await world.request("one", floor=2)).fresh


async def test_the_next_figure_counts_anew() -> None:
    """It knows the tickets that were sold before it."""
    figures = Figures(runway=2)
    world = await shop(figures)
    await world.request("one", floor=2)
    assert figures.document is not None
    world.now = AT + RELOAD
    figures.document = {**figures.document, "at": world.now.isoformat(), "runway": 1}
    assert (await world.request("two", floor=1)).fresh
    assert figures.reads == 2


@pytest.mark.parametrize("why", ["none", "old", "away"])
async def test_a_figure_that_nobody_has_stops_no_sale(why: str) -> None:
    """Mint debt is in the books, and an outage of the watch is no reason to sell nothing."""
    figures = Figures(runway=0)
    world = await shop(figures)
    if why == "none":
        figures.document = None
    figures.is_away = why == "away"
    if why == "old":
        world.now = AT + AGE_MAX + timedelta(seconds=1)
    assert (await world.request("one", floor=2)).fresh


async def test_a_figure_outlives_a_read_that_failed() -> None:
    """The one before is still believed until it is too old."""
    figures = Figures(runway=1)
    world = await shop(figures)
    assert (await world.request("one", floor=1)).fresh
    figures.is_away, world.now = True, AT + RELOAD
    with pytest.raises(MintingUnfunded):
        await world.request("two", floor=1)
