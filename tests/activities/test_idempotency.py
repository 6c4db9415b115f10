"""The store activities of a purchase: a repeat after a lost answer changes nothing; after its undo it is refused."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from activities.core.commands import ExtendHold, MintSubject, MintTicket, PurchaseRef
from domain.core.errors import (
    CancelTooLate,
    HoldReleased,
    KeyReused,
    NotOnSale,
    PurchaseCancelled,
    SeatsUnavailable,
    UnknownSubject,
    WrongState,
)
from domain.core.evidence import EvidenceMissing
from domain.core.ids import hold_key_of
from domain.core.transient import TransientError
from domain.money.books import BooksTransaction, balances
from domain.orders.order import Order
from domain.stock.allocation import Allocation
from domain.tickets.ticket import Ticket
from tests.fakes.judged import judged
from tests.fakes.samples import AT, LATER
from tests.fakes.store_world import SHOW, VENUE, StoreWorld, ending, payment_of

ALL_FREE = [(5, 0, 0), (3, 0, 0)]
HELD = [(3, 2, 0), (2, 1, 0)]
SOLD = [(3, 0, 2), (2, 0, 1)]


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    with judged(StoreWorld(), request) as world:
        await world.open()
        yield world


async def test_the_catalogue_is_recorded_once() -> None:
    """A repeated venue, show and opening store no second event; the key with another body is refused."""
    world = StoreWorld()
    await world.lost_and_repeated(lambda: world.catalog.register_venue(VENUE))
    await world.lost_and_repeated(lambda: world.catalog.announce_show(SHOW))
    subject = MintSubject(tenant_id="default", kind="show", subject_id="sh")
    with pytest.raises(EvidenceMissing):
        await world.openings.open_sale(subject)
    with pytest.raises(NotOnSale):
        await world.request()
    await world.open()
    await world.lost_and_repeated(lambda: world.openings.open_sale(subject))
    with pytest.raises(KeyReused):
        await world.catalog.register_venue(VENUE.model_copy(update={"body_digest": "x"}))
    with pytest.raises(KeyReused):
        await world.catalog.announce_show(SHOW.model_copy(update={"body_digest": "x"}))
    with pytest.raises(UnknownSubject):
        await world.catalog.announce_show(SHOW.model_copy(update={"venue_id": "other", "show_id": "other"}))
    assert await world.stock() == ALL_FREE


async def test_a_request_is_recorded_once(world: StoreWorld) -> None:
    """The same key and body is the same purchase, another body is refused, and a refused key can be used again."""
    again = await world.lost_and_repeated(world.request)
    assert (again.fresh, again.purchase.attempt) == (False, 1)
    with pytest.raises(KeyReused):
        await world.request(body="other")
    assert await world.stock() == HELD


async def test_a_refused_key_begins_anew(world: StoreWorld) -> None:
    """A request recorded and refused by an older version, which placed no order at once, becomes another attempt."""
    refused = await world.only_requested()
    await world.lost_and_repeated(lambda: world.sales.cancel_order(ending(refused, "sold-out")))
    anew = await world.request(body="other", balcony=1)
    assert (anew.fresh, anew.purchase.attempt, anew.purchase_status.state) == (True, 2, "reserving")


async def test_what_is_refused_at_the_door_leaves_no_event(world: StoreWorld) -> None:
    """If one of two types is sold out, nothing of the other is held, and the key is free for another body."""
    known = len(world.store.log)
    with pytest.raises(SeatsUnavailable):
        await world.request(floor=2, balcony=4)
    assert len(world.store.log) == known
    assert await world.stock() == ALL_FREE
    assert (await world.request(body="other", floor=5)).fresh


async def test_the_saga_adopts_what_the_door_placed(world: StoreWorld) -> None:
    """The same seats, price and tickets, and no further event."""
    requested = await world.request()
    known = len(world.store.log)
    order = await world.sales.place_order(requested.purchase)
    assert (order.price, len(order.ticket_ids)) == (requested.purchase_status.price, 3)
    assert (len(world.store.log), await world.stock()) == (known, HELD)


async def test_seats_are_held_once_over_several_types(world: StoreWorld) -> None:
    """A repeated reservation holds nothing more."""
    purchase = (await world.request()).purchase
    await world.lost_and_repeated(lambda: world.sales.place_order(purchase))
    assert await world.stock() == HELD


async def test_seats_are_held_all_or_none(world: StoreWorld) -> None:
    """When the second type is sold out, nothing of the first is held."""
    purchase = await world.only_requested(floor=2, balcony=4)
    with pytest.raises(SeatsUnavailable):
        await world.sales.place_order(purchase)
    assert await world.stock() == ALL_FREE
    assert world.store.events_of("allocation:floor")[1:] == []


async def test_without_a_connection_nothing_happens(world: StoreWorld) -> None:
    """A TransientError before the commit has had no effect."""
    purchase = await world.only_requested()
    world.store.refuse_connections = 1
    with pytest.raises(TransientError) as transient:
        await world.sales.place_order(purchase)
    assert not transient.value.unknown
    assert await world.stock() == ALL_FREE


async def test_a_sale_is_settled_with_the_payment_that_was_captured(world: StoreWorld) -> None:
    """Another attempt's payment, which was never captured, has no fee of Stripe to post."""
    purchase = await world.bought()
    await world.sales.confirm_seats(purchase)
    await world.capture(purchase)
    await world.sales.confirm_order(purchase)
    other = purchase.model_copy(update={"attempt": purchase.attempt + 1})
    await world.store.commit(lambda uow: payment_of(uow, other))
    with pytest.raises(WrongState, match="only a captured payment"):
        await world.books.settle_sale(other)
    await world.books.settle_sale(purchase)


async def test_the_whole_good_way_repeats_without_a_trace(world: StoreWorld) -> None:
    """Each step loses its answer and is repeated; the sums are those of one sale."""
    sales, purchase = world.sales, await world.bought()
    first, again = await sales.place_order(purchase), await world.lost_and_repeated(lambda: sales.place_order(purchase))
    assert first == again
    tickets = again.ticket_ids
    assert (len(set(tickets)), again.price.subtotal_minor) == (3, 4500)
    await world.lost_and_repeated(lambda: sales.confirm_seats(purchase))
    assert await world.stock() == SOLD
    for early in (sales.confirm_order, world.books.settle_sale):
        with pytest.raises(EvidenceMissing):
            await early(purchase)
    await world.capture(purchase)
    await world.lost_and_repeated(lambda: sales.confirm_order(purchase))
    assert {(await world.see(Ticket, ticket_id)).state for ticket_id in tickets} == {"issued"}
    await world.lost_and_repeated(lambda: world.books.settle_sale(purchase))
    for ticket_id in tickets:
        mint = MintTicket(purchase=purchase, ticket_id=ticket_id)
        with pytest.raises(EvidenceMissing):
            await world.books.settle_mint(mint)
        with pytest.raises(EvidenceMissing):
            await sales.fulfil_order(purchase)
        await world.minted(ticket_id)
        await world.lost_and_repeated(partial(world.books.settle_mint, mint))
    await world.lost_and_repeated(lambda: sales.fulfil_order(purchase))
    assert (await world.see(Order, "pu")).state == "fulfilled"
    totals = await _balances(world)
    assert sum(totals.values()) == 0
    assert (totals["venue:ve:payable", "eur"], totals["mint:debt", "TICKET"]) == (4500, 0)


async def _balances(world: StoreWorld) -> dict[tuple[str, str], int]:
    streams = [stream for stream in world.store.streams if stream.startswith("books:")]
    posted = [await world.see(BooksTransaction, stream.partition(":")[2]) for stream in streams]
    return balances(posting for transaction in posted for posting in transaction.postings)


async def test_the_whole_way_back_repeats_without_a_trace(world: StoreWorld) -> None:
    """Every undo loses its answer and is repeated; no seat, ticket or discount of the purchase stays."""
    sales, purchase = world.sales, await world.bought()
    tickets = (await sales.place_order(purchase)).ticket_ids
    await sales.confirm_seats(purchase)
    with pytest.raises(EvidenceMissing):
        await sales.cancel_order(ending(purchase))
    await world.release(purchase)
    assert (await world.lost_and_repeated(lambda: sales.cancel_order(ending(purchase)))).outcome == "cancelled"
    assert await world.stock() == ALL_FREE
    assert {(await world.see(Ticket, ticket_id)).state for ticket_id in tickets} == {"void"}
    order = await world.see(Order, "pu")
    assert (order.state, order.end_reason) == ("cancelled", "hold-expired")


async def test_an_undo_with_nothing_to_undo_refuses_the_late_placing(world: StoreWorld) -> None:
    """An undo before its forward step: the ended order is the tombstone, and nothing is held."""
    purchase = (await world.request()).purchase
    ended = await world.lost_and_repeated(lambda: world.sales.cancel_order(ending(purchase, "failed")))
    assert ended.outcome == "cancelled"
    with pytest.raises(PurchaseCancelled):
        await world.sales.place_order(purchase)
    assert await world.stock() == ALL_FREE


LATE: list[Callable[[StoreWorld, PurchaseRef], Any]] = [
    lambda world, purchase: world.sales.place_order(purchase),
    lambda world, purchase: world.sales.confirm_seats(purchase),
]


@pytest.mark.parametrize("late", LATE)
async def test_an_ended_order_refuses_every_late_step(world: StoreWorld, late: Any) -> None:
    """An order that was cancelled before a step arrived is its tombstone."""
    purchase = (await world.request()).purchase
    await world.sales.place_order(purchase)
    await world.sales.cancel_order(ending(purchase))
    known = len(world.store.log)
    with pytest.raises(PurchaseCancelled):
        await late(world, purchase)
    assert len(world.store.log) == known


async def test_a_cancel_before_the_capture_refuses_the_confirmation(world: StoreWorld) -> None:
    """No seat is confirmed when the buyer cancelled before."""
    purchase = await world.bought()
    await world.lost_and_repeated(lambda: world.purchases.request_cancel("pu"))
    with pytest.raises(PurchaseCancelled):
        await world.sales.confirm_seats(purchase)
    assert await world.stock() == HELD


async def test_a_cancel_before_the_reservation_holds_nothing(world: StoreWorld) -> None:
    """A reservation after the buyer's cancel is refused."""
    purchase = await world.only_requested()
    await world.purchases.request_cancel("pu")
    with pytest.raises(PurchaseCancelled):
        await world.sales.place_order(purchase)
    assert await world.stock() == ALL_FREE


async def test_a_confirmation_before_the_cancel_refuses_the_cancel(world: StoreWorld) -> None:
    """The capture was requested before: seats and order stay as they are."""
    purchase = await world.bought()
    await world.sales.confirm_seats(purchase)
    with pytest.raises(CancelTooLate):
        await world.purchases.request_cancel("pu")
    assert await world.stock() == SOLD


@pytest.mark.breaks("one-ticket-per-seat", reason="the test takes one hold away by hand, beside the order")
async def test_a_released_hold_is_not_confirmed_and_no_capture_is_requested(world: StoreWorld) -> None:
    """One missing hold refuses the whole confirmation."""
    purchase = await world.bought()
    await world.store.commit(
        lambda uow: uow.get(Allocation, "balcony").release(hold_key_of("pu", 1), "by hand", uow.at)
    )
    with pytest.raises(HoldReleased):
        await world.sales.confirm_seats(purchase)
    assert not (await world.see(Order, "pu")).capture_requested


async def test_a_hold_is_extended_once(world: StoreWorld) -> None:
    """The answer is the resulting deadline, also when an earlier one was requested."""
    purchase = await world.bought()
    later = LATER + timedelta(seconds=60)
    extend = world.sales.extend_hold
    extension = ExtendHold(purchase=purchase, hold_until=later)
    assert await world.lost_and_repeated(lambda: extend(extension)) == later
    assert await extend(ExtendHold(purchase=purchase, hold_until=AT)) == later


async def test_a_late_step_of_a_refused_attempt_leaves_the_next_one_alone(world: StoreWorld) -> None:
    """Repeats of an earlier attempt's steps neither end the new attempt nor hold seats for it."""
    former = await world.only_requested(floor=9)
    with pytest.raises(SeatsUnavailable):
        await world.sales.place_order(former)
    assert (await world.sales.cancel_order(ending(former, "sold-out"))).outcome == "refused"
    present = (await world.request(body="other", balcony=1)).purchase
    assert present.attempt == former.attempt + 1
    assert (await world.sales.cancel_order(ending(former))).outcome == "refused"
    with pytest.raises(PurchaseCancelled):
        await world.sales.place_order(former)
    assert (await world.see(Order, "pu")).state == "reserving"
    assert await world.stock() == [(5, 0, 0), (2, 1, 0)]
