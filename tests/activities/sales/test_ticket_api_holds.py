"""The internal ticket API's holds: all or none, idempotent, and never a purchase's."""

from collections.abc import AsyncIterator

import pytest

from activities.core.commands import HoldRef
from domain.core.errors import (
    HoldReleased,
    KeyReused,
    NotOnSale,
    NotOurHold,
    RefundNeeded,
    SeatsUnavailable,
    UnknownSubject,
)
from domain.core.ids import public_name_of, ticket_id_of
from domain.tickets.ticket import Ticket
from tests.fakes.judged import judged
from tests.fakes.store_world import SHOW, VENUE, StoreWorld

ALL_FREE = [(5, 0, 0), (3, 0, 0)]
HELD = [(3, 2, 0), (2, 1, 0)]
SOLD = [(3, 0, 2), (2, 0, 1)]
HOLD = HoldRef(tenant_id="default", reservation_id="re")


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    with judged(StoreWorld(), request) as world:
        await world.open()
        yield world


async def states(world: StoreWorld, tickets: tuple[str, ...]) -> set[str]:
    return {(await world.see(Ticket, ticket_id)).state for ticket_id in tickets}


async def test_seats_are_reserved_once_with_their_tickets(world: StoreWorld) -> None:
    """A repeat returns the same tickets; the key with another body is refused."""
    tickets = await world.lost_and_repeated(world.reserve)
    assert len(set(tickets)) == 3
    assert (await world.stock(), await states(world, tickets)) == (HELD, {"reserved"})
    with pytest.raises(KeyReused):
        await world.reserve(body="other")


async def test_seats_are_reserved_all_or_none(world: StoreWorld) -> None:
    """If one type is sold out or unknown, no seats of the others are held."""
    with pytest.raises(SeatsUnavailable):
        await world.reserve(floor=2, balcony=4)
    with pytest.raises(UnknownSubject):
        await world.reserve(floor=2, other=1)
    assert await world.stock() == ALL_FREE


async def test_nothing_is_reserved_before_the_sale() -> None:
    """A show that is not on sale refuses outside orders, too."""
    world = StoreWorld()
    await world.catalog.register_venue(VENUE)
    await world.catalog.announce_show(SHOW)
    with pytest.raises(NotOnSale):
        await world.reserve()


async def test_a_reservation_is_confirmed_once(world: StoreWorld) -> None:
    """Its seats are sold and its tickets valid; it neither expires nor can be released."""
    tickets = await world.reserve()
    view = await world.lost_and_repeated(lambda: world.holds.confirm("re"))
    assert (view.state, view.ticket_ids) == ("confirmed", tickets)
    assert await world.hold_ends.expire_reservation(HOLD) == "confirmed"
    with pytest.raises(RefundNeeded):
        await world.holds.release("re")
    assert (await world.stock(), await states(world, tickets)) == (SOLD, {"issued"})


async def test_a_reservation_is_released_once(world: StoreWorld) -> None:
    """Its seats are free and its tickets void; a late confirmation is refused."""
    tickets = await world.reserve()
    assert (await world.lost_and_repeated(lambda: world.holds.release("re"))).state == "released"
    assert await world.hold_ends.expire_reservation(HOLD) == "released"
    with pytest.raises(HoldReleased):
        await world.holds.confirm("re")
    assert (await world.stock(), await states(world, tickets)) == (ALL_FREE, {"void"})


async def test_an_open_reservation_expires_once(world: StoreWorld) -> None:
    """The expiry ends an unconfirmed hold, and a repeated reservation shows its end."""
    tickets = await world.reserve()
    assert await world.lost_and_repeated(lambda: world.hold_ends.expire_reservation(HOLD)) == "released"
    assert await world.reserve() == tickets
    assert await world.stock() == ALL_FREE


async def test_a_purchase_is_not_ours(world: StoreWorld) -> None:
    """Every operation on a purchase's hold, and on an unknown hold, is refused."""
    purchase = await world.bought()
    for name in (purchase.purchase_id, f"{purchase.purchase_id}:hold:1", "nobody"):
        for act in (world.holds.confirm, world.holds.release):
            with pytest.raises(NotOurHold):
                await act(name)
    tickets = (await world.sales.place_order(purchase)).ticket_ids
    with pytest.raises(NotOurHold):
        await world.holds.cancel_batch(tickets)
    assert (await world.stock(), await states(world, tickets)) == (HELD, {"reserved"})


async def test_a_batch_is_cancelled_once_with_its_whole_reservations(world: StoreWorld) -> None:
    """Some tickets of two reservations end both; a repeat changes nothing."""
    first, second = await world.reserve("re", floor=2), await world.reserve("other", floor=1, balcony=1)
    await world.lost_and_repeated(lambda: world.holds.cancel_batch([first[0], second[1], first[0]]))
    assert (await world.stock(), await states(world, first + second)) == (ALL_FREE, {"void"})


async def test_a_batch_with_a_paid_ticket_needs_a_refund_and_cancels_nothing(world: StoreWorld) -> None:
    """One paid ticket refuses the whole batch."""
    unpaid, paid = await world.reserve("re", floor=2), await world.reserve("other", balcony=1)
    await world.holds.confirm("other")
    for batch in ([*unpaid, *paid], [*paid, *unpaid]):
        with pytest.raises(RefundNeeded):
            await world.holds.cancel_batch(batch)
    assert (await world.stock(), await states(world, unpaid)) == ([(3, 2, 0), (2, 0, 1)], {"reserved"})


async def test_a_batch_with_a_ticket_of_a_purchase_cancels_nothing(world: StoreWorld) -> None:
    """A ticket of a purchase, or an unknown one, refuses the whole batch."""
    ours = await world.reserve(floor=1)
    theirs = (await world.sales.place_order(await world.bought(floor=1))).ticket_ids
    with pytest.raises(NotOurHold):
        await world.holds.cancel_batch([*ours, *theirs])
    with pytest.raises(UnknownSubject):
        await world.holds.cancel_batch([*ours, "nobody"])
    assert await states(world, ours + theirs) == {"reserved"}


async def test_the_ids_of_tickets_come_from_the_nonce(world: StoreWorld) -> None:
    """Neither they nor their public names follow from the reservation's id; without a nonce they do, as in 0.1.0."""
    (ticket_id,) = await world.reserve("re_1", floor=1, nonce="no")
    assert (ticket_id, (await world.see(Ticket, ticket_id)).public_name) == (
        ticket_id_of("no", 1, 1),
        public_name_of("no", 1, 1),
    )
    assert await world.reserve("re_2", floor=1) == (ticket_id_of("re_2", 1, 1),)
