"""The checks at a test's end: a corrupted history fails the test that made it."""

from typing import Any, cast

import pytest

from adapters.read_models.catalog import sets
from adapters.read_models.documents import PURCHASES
from adapters.read_models.purchase import PURCHASE_FOLDS
from domain.orders.order import OrderPlaced
from domain.stock.allocation import Allocation
from tests.fakes.event_store import FakeEventStore
from tests.fakes.judged import judged, judged_at_rest
from tests.fakes.store_world import StoreWorld


class Test:
    """A request object of pytest: the test's markers and the number of failed tests."""

    __test__ = False

    def __init__(self, *marks: pytest.MarkDecorator) -> None:
        self._marks = {mark.name: mark.mark for mark in marks}
        self.testsfailed = 0
        self.node = self.session = self

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marks.get(name)

    @property
    def request(self) -> pytest.FixtureRequest:
        return cast(pytest.FixtureRequest, self)


class RestlessWorld:
    """A world with a fixed answer about its rest."""

    def __init__(self, *, at_rest: bool) -> None:
        self.store = FakeEventStore(lambda: StoreWorld().now)
        self._at_rest = at_rest

    async def check_invariants(self) -> None:
        assert self._at_rest, "something has not ended"


@pytest.fixture
async def sold() -> StoreWorld:
    world = StoreWorld()
    await world.open()
    await world.sales.confirm_seats(await world.bought())
    return world


async def release_by_hand(world: StoreWorld) -> None:
    """Release the hold of a sold order, without the order."""
    (key,) = (await world.see(Allocation, "floor")).holds
    await world.store.commit(lambda uow: uow.get(Allocation, "floor").unconfirm(key, uow.at))
    await world.store.commit(lambda uow: uow.get(Allocation, "floor").release(key, "by hand", uow.at))


def test_a_whole_history_passes(sold: StoreWorld) -> None:
    """A correct history raises nothing."""
    with judged(sold, Test().request):
        pass


def test_an_event_that_is_missing_fails(sold: StoreWorld) -> None:
    """The hash chain of its stream is broken."""
    with pytest.raises(AssertionError, match="unbroken-history of"), judged(sold, Test().request) as world:
        del world.store.log[1]


def test_a_read_model_that_decides_by_itself_fails(sold: StoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purchase would be in two states."""
    monkeypatch.setitem(cast("dict[Any, Any]", PURCHASE_FOLDS), OrderPlaced, sets(PURCHASES, state="confirming"))
    told = "after OrderPlaced: aggregate .*reserving.*, read model .*confirming"
    with pytest.raises(AssertionError, match=told), judged(sold, Test().request):
        pass


async def test_tickets_without_seats_fail(sold: StoreWorld) -> None:
    """The hash chain is whole, but an invariant is broken."""
    with pytest.raises(AssertionError, match="one-ticket-per-seat of pu"), judged(sold, Test().request):
        await release_by_hand(sold)


async def test_invariants_broken_on_purpose_are_named(sold: StoreWorld) -> None:
    """Exactly the named invariants are broken; one name too many fails as well."""
    marks = pytest.mark.breaks("one-ticket-per-seat"), pytest.mark.breaks("one-ticket-per-seat", "stock-is-capacity")
    with judged(sold, Test(marks[0]).request):
        await release_by_hand(sold)
    with pytest.raises(AssertionError, match="one-ticket-per-seat of pu"), judged(sold, Test(marks[1]).request):
        pass
    with pytest.raises(AssertionError, match="does not break"), judged(StoreWorld(), Test(marks[0]).request):
        pass


def test_a_test_that_failed_is_not_judged_as_well(sold: StoreWorld) -> None:
    """A failed test gets no second failure."""
    test = Test()
    with judged(sold, test.request) as world:
        del world.store.log[1]
        test.testsfailed += 1


@pytest.mark.parametrize(
    ("at_rest", "says", "fault"),
    [
        (True, False, None),
        (False, True, None),
        (False, False, "something has not ended"),
        (True, True, "leaves nothing open, but is marked: because"),
    ],
)
async def test_an_unfinished_end_is_marked(*, at_rest: bool, says: bool, fault: str | None) -> None:
    """A test without the mark comes to rest, and a test with the mark does not."""
    test = Test(pytest.mark.leaves_open(reason="because")) if says else Test()

    async def run() -> None:
        async with judged_at_rest(RestlessWorld(at_rest=at_rest), test.request):
            pass

    if fault is None:
        await run()
        return
    with pytest.raises(AssertionError, match=fault):
        await run()
