"""Pinning: each file by itself, its name compared, and recorded only when the node says that it keeps it."""

import pytest

from activities.tokens.metadata import of_show, of_venue, record_drawing
from activities.tokens.pin import PinActivities, PinPage, PinReport
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.transient import TransientError
from tests.fakes.pinning_node import FakePinningNode, FoldedFiles
from tests.fakes.store_world import StoreWorld

CREATOR = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"


class Pinning:
    """A venue and a show whose metadata is drawn, a node, and the activity."""

    def __init__(self) -> None:
        self.store = StoreWorld()
        self.files, self.node = FoldedFiles(self.store.store), FakePinningNode()
        self.steps = PinActivities(self.store.store, self.files, self.node)

    async def draw(self) -> "Pinning":
        await self.store.open()
        show, venue = await self.store.store.read(
            lambda uow: ((one := uow.get(Show, "sh")), uow.get(Venue, one.venue_id))
        )
        await record_drawing(self.store.store, venue, of_venue(venue, CREATOR))
        await record_drawing(self.store.store, show, of_show(show, venue, CREATOR))
        self.cids = [cid for cid, _ in await self.files.unpinned("", 10)]
        return self


@pytest.fixture
async def pinning() -> Pinning:
    return await Pinning().draw()


async def test_every_file_is_pinned_once(pinning: Pinning) -> None:
    """The pictures and documents of a venue and of a show; a second round has nothing to do."""
    report = await pinning.steps.pin_files(PinPage())
    assert report == PinReport(pinned=4, failed=0, last=pinning.cids[-1])
    assert pinning.node.pins == set(pinning.cids)
    for cid in pinning.cids:
        found = await pinning.files.file(cid)
        assert found is not None
        assert found["pinned"]
    assert await pinning.steps.pin_files(PinPage()) == PinReport(pinned=0, failed=0, last="")
    assert pinning.node.calls["pin"] == 4


async def test_one_file_that_cannot_be_pinned_does_not_stop_the_others(pinning: Pinning) -> None:
    """It waits for the next round."""
    bad = pinning.cids[0]
    pinning.node.refuses.add(bad)
    report = await pinning.steps.pin_files(PinPage())
    assert (report.pinned, report.failed, report.failure) == (3, 1, "the node does not take this file")
    assert (await left(pinning))[0] == bad
    pinning.node.refuses.clear()
    assert (await pinning.steps.pin_files(PinPage())).pinned == 1


async def left(pinning: Pinning) -> tuple[str, str]:
    (only,) = await pinning.files.unpinned("", 10)
    return only


async def test_a_file_that_the_node_forgets_is_not_recorded(pinning: Pinning) -> None:
    """The node is asked whether it keeps the file."""
    pinning.node.forgets.add(pinning.cids[1])
    report = await pinning.steps.pin_files(PinPage())
    assert (report.pinned, report.failed) == (3, 1)
    assert (await left(pinning))[0] == pinning.cids[1]


async def test_a_node_that_is_away_is_a_transient_error(pinning: Pinning) -> None:
    """Nothing is recorded, and the page is tried again."""
    pinning.node.is_away = True
    with pytest.raises(TransientError, match="away"):
        await pinning.steps.pin_files(PinPage())
    assert len(await pinning.files.unpinned("", 10)) == 4


async def test_a_page_goes_on_after_the_last_one(pinning: Pinning) -> None:
    """So that files that fail do not keep the others from their turn."""
    pinning.node.refuses.update(pinning.cids[:1])
    with pytest.raises(TransientError):
        await pinning.steps.pin_files(PinPage(limit=1))
    report = await pinning.steps.pin_files(PinPage(after=pinning.cids[0], limit=2))
    assert (report.pinned, report.last) == (2, pinning.cids[2])
