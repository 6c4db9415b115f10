"""Orders with discounts, price changes and sale windows, through the store activities."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities.catalog.prices import ChangeShow, CreateDiscount
from activities.core.commands import PlacedOrder, PurchaseRef
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.sales.order import SalesActivities
from domain.catalog.discount import Discount, DiscountTerms, discount_id_of
from domain.catalog.show import Show
from domain.core.errors import (
    CodeTaken,
    DiscountRefused,
    KeyReused,
    NotChargeable,
    NotOnSale,
    PriceMoved,
    PurchaseCancelled,
    SeatsUnavailable,
    UnknownSubject,
    WrongState,
)
from domain.core.evidence import EvidenceMissing, SaleMade
from domain.core.ids import public_name_of, ticket_id_of
from domain.money.books import BooksTransaction, balances
from domain.orders.order import Order
from domain.tickets.ticket import Ticket
from tests.fakes.judged import judged
from tests.fakes.samples import AT, LATER
from tests.fakes.store_world import SHOW, StoreWorld, ending, lines_of

ALL_FREE = [(5, 0, 0), (3, 0, 0)]


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    with judged(StoreWorld(), request) as world:
        await world.open()
        yield world


def discount(key: str = "k", code: str = "EARLY", body: str = "d", **terms: Any) -> CreateDiscount:
    return CreateDiscount(
        tenant_id="default",
        show_id="sh",
        key_id=key,
        body_digest=body,
        code=code,
        terms=DiscountTerms.model_validate(terms or {"percent_bps": 1000}),
    )


async def request_order(world: StoreWorld, purchase_id: str, **more: Any) -> PurchaseRef:
    requested = await world.request(purchase_id, **more)
    return requested.purchase


async def placed(world: StoreWorld, purchase_id: str, **more: Any) -> PlacedOrder:
    return await world.sales.place_order(await request_order(world, purchase_id, **more))


async def in_use(world: StoreWorld) -> int:
    return len((await world.see(Discount, discount_id_of("sh", "EARLY"))).claims)


async def test_a_discount_is_created_once(world: StoreWorld) -> None:
    """A repeat is the same discount; another body, a code in use and unknown ticket types are refused."""
    await world.lost_and_repeated(lambda: world.prices.create_discount(discount()))
    with pytest.raises(KeyReused):
        await world.prices.create_discount(discount(body="other"))
    with pytest.raises(CodeTaken):
        await world.prices.create_discount(discount("k2", " early"))
    with pytest.raises(UnknownSubject):
        await world.prices.create_discount(discount("k3", "BOX", percent_bps=1, ticket_type_ids=["other"]))
    known = len(world.store.log)
    await world.prices.create_discount(discount("k4", "BOX", amount_minor=5))
    assert len(world.store.log) == known + 2


async def test_an_amount_that_the_currency_cannot_charge_is_no_discount(world: StoreWorld) -> None:
    """Nor is it a price: it is refused before the show is announced."""
    floor = SHOW.ticket_types[0].model_copy(update={"ticket_type_id": "kw-floor"})
    dinars = SHOW.model_copy(update={"show_id": "kw", "currency": "kwd", "ticket_types": [floor]})
    odd = dinars.model_copy(update={"ticket_types": [floor.model_copy(update={"price_minor": 1005})]})
    with pytest.raises(NotChargeable):
        await world.catalog.announce_show(odd)
    await world.catalog.announce_show(dinars)
    with pytest.raises(NotChargeable):
        await world.prices.create_discount(discount(amount_minor=5).model_copy(update={"show_id": "kw"}))


async def test_a_show_is_not_announced_with_a_window_that_ends_first(world: StoreWorld) -> None:
    """It is refused before it is recorded."""
    backwards = SHOW.model_copy(update={"show_id": "other", "sale_from": LATER, "sale_until": AT})
    with pytest.raises(WrongState):
        await world.catalog.announce_show(backwards)


async def test_a_limited_discount_is_held_with_the_seats_and_given_back_with_them(world: StoreWorld) -> None:
    """One order uses it at a time; an order that ends without a sale returns it, once."""
    await world.prices.create_discount(discount(amount_minor=500, limit=1))
    first = await request_order(world, "one", discount_code="EARLY")
    order = await world.lost_and_repeated(lambda: world.sales.place_order(first))
    assert (order.price.subtotal_minor, order.price.discount_minor) == (4500, 500)
    assert await in_use(world) == 1
    with pytest.raises(DiscountRefused) as refused:
        await request_order(world, "two", discount_code="EARLY", floor=1)
    assert refused.value.data == {"reason": "used-up"}
    assert await world.stock() == [(3, 2, 0), (2, 1, 0)]
    await world.lost_and_repeated(lambda: world.sales.cancel_order(ending(first)))
    assert await in_use(world) == 0
    assert (await placed(world, "three", discount_code="EARLY")).price.discount_minor == 500
    with pytest.raises(PurchaseCancelled):
        await world.sales.place_order(first)
    assert await in_use(world) == 1


async def test_seats_and_discount_are_held_all_or_none(world: StoreWorld) -> None:
    """A request refused for lack of seats uses no discount."""
    await world.prices.create_discount(discount(amount_minor=500, limit=1))
    with pytest.raises(SeatsUnavailable):
        await request_order(world, "one", discount_code="EARLY", floor=9)
    assert await in_use(world) == 0
    assert await world.stock() == ALL_FREE


async def test_a_sold_discount_stays_used(world: StoreWorld) -> None:
    """A late step does not return the discount of a sold order."""
    await world.prices.create_discount(discount(amount_minor=500, limit=1))
    purchase = await world.bought(discount_code="EARLY")
    await world.sales.confirm_seats(purchase)
    await world.capture(purchase)
    await world.sales.confirm_order(purchase)
    with pytest.raises(SaleMade):
        await world.sales.cancel_order(ending(purchase))
    assert await in_use(world) == 1


async def test_an_unknown_code_is_refused(world: StoreWorld) -> None:
    """It is refused instead of ignored, and the key is free again."""
    with pytest.raises(DiscountRefused) as refused:
        await request_order(world, "one", discount_code="NONE")
    assert refused.value.data == {"reason": "not-found"}
    assert (await world.request("one", body="other")).fresh


async def test_the_price_is_locked_during_the_hold(world: StoreWorld) -> None:
    """A price change and an expired code do not affect placed orders; a new order sees them."""
    await world.prices.create_discount(discount(percent_bps=1000, valid_until=LATER))
    purchase = await request_order(world, "one", discount_code="EARLY")
    before = await world.sales.place_order(purchase)
    change = ChangeShow(show_id="sh", prices={"floor": 9000}, window={})
    await world.lost_and_repeated(lambda: world.prices.change_show(change))
    world.now = LATER
    assert await world.sales.place_order(purchase) == before
    assert (await world.see(Order, "one")).price == before.price
    assert (await world.prices.quote("sh", lines_of({"floor": 2, "balcony": 1}), None)).price.subtotal_minor == 20_500


async def test_a_quote_is_the_price_that_is_charged_and_holds_nothing(world: StoreWorld) -> None:
    """It uses the same function, stores no event, and is available before the sale."""
    await world.prices.create_discount(discount(percent_bps=3333, limit=1))
    known = len(world.store.log)
    quote = await world.prices.quote("sh", lines_of({"floor": 2, "balcony": 1}), "early")
    assert len(world.store.log) == known
    assert await world.stock() == ALL_FREE
    order = await placed(world, "one", discount_code="EARLY", expected_total_minor=quote.price.total_minor)
    assert order.price == quote.price


async def test_who_counts_on_a_total_pays_that_or_nothing(world: StoreWorld) -> None:
    """A price that changed before the request is refused, and the key is free for another attempt."""
    quote = await world.prices.quote("sh", lines_of({"floor": 2}), None)
    await world.prices.change_show(ChangeShow(show_id="sh", prices={"floor": 1100}, window={}))
    with pytest.raises(PriceMoved) as refused:
        await request_order(world, "one", expected_total_minor=quote.price.total_minor, floor=2)
    assert refused.value.data["total_minor"] == 2429
    assert await world.stock() == ALL_FREE
    assert (await placed(world, "one", expected_total_minor=2429, floor=2)).price.total_minor == 2429


async def test_the_door_opens_and_closes_with_the_sale_window(world: StoreWorld) -> None:
    """A request made before the end is placed after it; one outside is refused, in the internal API too."""
    soon = AT + timedelta(minutes=5)
    await world.prices.change_show(ChangeShow(show_id="sh", prices={}, window={"sale_from": soon}))
    with pytest.raises(NotOnSale):
        await world.request()
    with pytest.raises(NotOnSale):
        await world.reserve()
    world.now = soon
    await world.prices.change_show(ChangeShow(show_id="sh", prices={}, window={"sale_until": LATER}))
    show = await world.see(Show, "sh")
    assert (show.sale_from, show.sale_until) == (soon, LATER)
    purchase = await request_order(world, "one", floor=1)
    world.now = LATER
    with pytest.raises(NotOnSale):
        await world.request("two")
    assert (await world.sales.place_order(purchase)).price.subtotal_minor == 1000


async def test_a_free_order_is_settled_without_a_payment(world: StoreWorld) -> None:
    """Its books owe the tickets and no money; an unsold order cannot be settled."""
    await world.prices.create_discount(discount(percent_bps=10_000))
    purchase = await request_order(world, "one", discount_code="EARLY")
    assert (await world.sales.place_order(purchase)).price.total_minor == 0
    with pytest.raises(EvidenceMissing):
        await world.books.settle_sale(purchase)
    await world.sales.confirm_seats(purchase)
    await world.sales.confirm_order(purchase)
    await world.lost_and_repeated(lambda: world.books.settle_sale(purchase))
    posted = await world.see(BooksTransaction, "one:sale")
    assert balances(posted.postings) == {("tickets:sold", "TICKET"): -3, ("mint:debt", "TICKET"): 3}


async def test_the_ids_of_tickets_come_from_the_nonce(world: StoreWorld) -> None:
    """A refused request that is asked again has the nonce of its new attempt; without one, as in 0.1.0, its own id."""
    first = (await world.request("pu_1", floor=1, nonce="no_1")).purchase
    assert (await world.sales.place_order(first)).ticket_ids == (ticket_id_of("no_1", 1, 1),)
    old = (await world.request("pu_2", floor=1)).purchase
    assert (await world.sales.place_order(old)).ticket_ids == (ticket_id_of("pu_2", 1, 1),)
    refused = await world.only_requested("pu_3", floor=1)
    await world.sales.cancel_order(ending(refused, "sold-out"))
    again = (await world.request("pu_3", floor=1, nonce="no_3")).purchase
    (ticket_id,) = (await world.sales.place_order(again)).ticket_ids
    assert (again.attempt, ticket_id) == (2, ticket_id_of("no_3", 2, 1))
    assert (await world.see(Ticket, ticket_id)).public_name == public_name_of("no_3", 2, 1)
    assert (await world.see(Ticket, ticket_id_of("pu_2", 1, 1))).public_name == ticket_id_of("pu_2", 1, 1)


async def test_a_worker_that_placed_nothing_confirms_the_order_all_the_same(world: StoreWorld) -> None:
    """The remembered tickets of a placed order only save a read."""
    purchase = await world.bought()
    assert purchase in world.sales._tickets_placed
    await world.sales.confirm_seats(purchase)
    await world.capture(purchase)
    await SalesActivities(world.store).confirm_order(purchase)
    await world.sales.confirm_order(purchase)
    tickets = [await world.see(Ticket, ticket_id) for ticket_id in (await world.sales.place_order(purchase)).ticket_ids]
    assert {ticket.state for ticket in tickets} == {"issued"}


async def test_an_order_is_confirmed_once(world: StoreWorld) -> None:
    """A repeat succeeds after a refund of a ticket: its purchase may begin anew before it is fulfilled."""
    purchase = await world.bought()
    await world.sales.confirm_seats(purchase)
    await world.capture(purchase)
    await world.sales.confirm_order(purchase)
    ticket_ids = (await world.sales.place_order(purchase)).ticket_ids
    terms = {"tenant_id": "default", "refund_id": "re", "body_digest": "b", "reason": "goodwill"}
    command = RequestRefund(purchase_id=purchase.purchase_id, ticket_ids=ticket_ids[:1], **terms)
    await RefundCommands(world.store).request_refund(command)
    known = len(world.store.log)
    await world.sales.confirm_order(purchase)
    assert len(world.store.log) == known
    states = [(await world.see(Ticket, ticket_id)).state for ticket_id in ticket_ids]
    assert states == ["void", *["issued"] * (len(ticket_ids) - 1)]
