"""Purchase requests: an accepted one holds seats and has two deadlines; a refused one stores nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities.core.commands import PurchaseRef
from domain.core.errors import BuyerLimitReached, PurchaseCancelled
from domain.orders.order import Order
from domain.stock.buyer_limit import Allowance
from tests.fakes.judged import judged
from tests.fakes.samples import AT
from tests.fakes.store_world import SHOW, StoreWorld, ending

ALL_FREE = [(5, 0, 0), (3, 0, 0)]
QUEUE_END = AT + timedelta(seconds=600)


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    with judged(StoreWorld(), request) as world:
        await world.open()
        yield world


async def open_checkout(world: StoreWorld, purchase: PurchaseRef) -> None:
    """Open the checkout, as the saga does when it records the intent."""
    await world.store.commit(lambda uow: uow.get(Order, purchase.purchase_id).open_checkout(uow.at))


async def test_a_purchase_waits_in_the_queue_with_its_seats_held(world: StoreWorld) -> None:
    """Its first deadline is the queue's; the hold's own time starts when its checkout opens."""
    requested = await world.request(floor=2)
    assert (requested.purchase_status.state, requested.purchase_status.hold_until) == ("reserving", QUEUE_END)
    world.now = AT + timedelta(seconds=500)
    await open_checkout(world, requested.purchase)
    found = await world.purchases.look("pu")
    assert found is not None
    assert (found.state, found.hold_until) == ("awaiting-payment", AT + timedelta(seconds=1100))


async def test_a_checkout_that_does_not_open_in_time_is_ended(world: StoreWorld) -> None:
    """Not before its deadline; then the seats are free, and opening its checkout is refused."""
    purchase = (await world.request()).purchase
    world.now = QUEUE_END - timedelta(microseconds=1)
    assert not await world.purchases.expire_queued(purchase)
    world.now = QUEUE_END
    assert await world.purchases.expire_queued(purchase)
    order = await world.see(Order, "pu")
    assert (order.state, order.end_reason) == ("cancelled", "queue-expired")
    assert await world.stock() == ALL_FREE
    assert not await world.purchases.expire_queued(purchase)
    with pytest.raises(PurchaseCancelled):
        await world.sales.place_order(purchase)


async def test_a_checkout_that_opened_in_time_is_not_ended_by_the_queue(world: StoreWorld) -> None:
    """From then on the saga ends the hold, after reading the payment from Stripe."""
    purchase = (await world.request()).purchase
    await open_checkout(world, purchase)
    world.now = QUEUE_END + timedelta(days=1)
    assert not await world.purchases.expire_queued(purchase)
    assert not await world.purchases.expire_queued(purchase.model_copy(update={"purchase_id": "none"}))
    assert not await world.purchases.expire_queued(purchase.model_copy(update={"attempt": 2}))
    assert (await world.see(Order, "pu")).state == "awaiting-payment"


async def test_a_free_order_that_is_sold_is_not_ended_by_the_queue(world: StoreWorld) -> None:
    """It has no checkout; it is sold from its confirmation on, even before its tickets are minted."""
    purchase = (await world.request()).purchase
    await world.sales.confirm_seats(purchase)
    world.now = QUEUE_END + timedelta(days=1)
    assert not await world.purchases.expire_queued(purchase)
    assert (await world.stock())[0] == (3, 0, 2)


async def test_a_named_buyer_has_so_many_tickets_of_a_show() -> None:
    """Over all purchases together; a refused request stores no event, and an ended purchase does not count."""
    world = StoreWorld()
    await world.open(SHOW.model_copy(update={"buyer_tickets_max": 3}))
    first = await world.request("one", buyer="al", floor=2)
    known = len(world.store.log)
    with pytest.raises(BuyerLimitReached) as refused:
        await world.request("two", buyer="al", floor=2)
    assert refused.value.data == {"limit": 3}
    assert len(world.store.log) == known
    await world.request("three", buyer="somebody-else", floor=1)
    await world.sales.cancel_order(ending(first.purchase))
    assert (await world.request("two", buyer="al", floor=3)).fresh


async def test_a_named_buyer_has_so_many_open_purchases(world: StoreWorld) -> None:
    """A sold purchase is no longer open, but its tickets still count."""
    first = (await world.request("one", buyer="al", floor=1)).purchase
    await world.request("two", buyer="al", floor=1)
    with pytest.raises(BuyerLimitReached):
        await world.request("three", buyer="al", floor=1)
    await world.sales.confirm_seats(first)
    await world.capture(first)
    for _ in range(2):
        await world.sales.confirm_order(first)
    await world.request("three", buyer="al", floor=1)
    allowance = await world.see(Allowance, "al")
    assert {key: (claim.quantity, claim.is_open) for key, claim in allowance.claims.items()} == {
        "one": (1, False),
        "two": (1, True),
        "three": (1, True),
    }


async def test_the_same_request_again_claims_nothing_more(world: StoreWorld) -> None:
    """A repeated key returns the same purchase, also at the limit."""
    for _ in range(3):
        await world.lost_and_repeated(lambda: world.request("one", buyer="al", floor=1))
    await world.request("two", buyer="al", floor=1)
    assert len((await world.see(Allowance, "al")).claims) == 2
