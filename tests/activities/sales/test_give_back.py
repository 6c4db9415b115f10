"""What an order took comes back by one function, on every way out: allowance, seats and the use of a code."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from activities.catalog.prices import CreateDiscount
from activities.core.commands import PurchaseRef
from activities.refunds.cancel_show import (
    CancelledOrder,
    CancelShow,
    ShowCancellationActivities,
    ShowCancellationCommands,
)
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.sales.order import ticket_ids_of
from domain.catalog.discount import Discount, DiscountTerms, discount_id_of
from domain.core.errors import BuyerLimitReached, DiscountRefused
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.stock.buyer_limit import Allowance
from domain.tickets.ticket import Ticket
from tests.fakes.show_reads import FoldedShows
from tests.fakes.store_world import StoreWorld, ending

ONE_USE = DiscountTerms(percent_bps=1000, limit=1)
TERMS: dict[str, Any] = {"tenant_id": "default", "body_digest": "b", "reason": "goodwill"}
BUYER = "al"


class Taken(StoreWorld):
    """A show with a limit of three tickets a buyer, and a code for one order."""

    async def sell(self, name: str = "pu", **wanted: int) -> list[str]:
        """Sell tickets to the buyer with the code; return them."""
        purchase = (await self.request(name, "body", "ONCE", None, buyer=BUYER, nonce="", **wanted)).purchase
        await self.sales.place_order(purchase)
        await self.sales.confirm_seats(purchase)
        await self.capture(purchase)
        await self.sales.confirm_order(purchase)
        return await self.store.read(lambda uow: ticket_ids_of(uow.get(Order, name)))

    async def start(self) -> None:
        await self.open(buyer_tickets_max=3)
        names = {"tenant_id": "default", "show_id": "sh", "key_id": "dk", "body_digest": "d"}
        await self.prices.create_discount(CreateDiscount(code="ONCE", terms=ONE_USE, **names))

    async def counts(self) -> tuple[int, int, int]:
        """Return the tickets that count for the buyer, the uses of the code, and the seats held or sold."""

        def look(uow: UnitOfWork) -> tuple[int, int]:
            allowance = uow.get(Allowance, BUYER)
            used = uow.get(Discount, discount_id_of("sh", "ONCE")).claims
            return sum(claim.quantity for claim in allowance.claims.values()), len(used)

        counted, used = await self.store.read(look)
        return counted, used, sum(held + sold for _, held, sold in await self.stock())

    async def refund(self, name: str, **wanted: Any) -> None:
        command = RequestRefund(purchase_id="pu", refund_id=name, **{**TERMS, **wanted})
        await RefundCommands(self.store).request_refund(command)


@pytest.fixture
async def world() -> Taken:
    made = Taken()
    await made.start()
    return made


async def test_tickets_that_were_given_back_no_longer_count_for_the_buyer(world: Taken) -> None:
    """The same person can buy again what was given back by ticket; the code comes back with the last one."""
    tickets = await world.sell(floor=3)
    with pytest.raises(BuyerLimitReached):
        await world.request("pu2", buyer=BUYER, floor=1)
    await world.refund("rf1", ticket_ids=tickets[:1])
    assert (await world.counts())[:2] == (2, 1)
    await world.refund("rf1", ticket_ids=tickets[:1])
    assert (await world.counts())[:2] == (2, 1)
    with pytest.raises(BuyerLimitReached):
        await world.request("pu2", buyer=BUYER, floor=2)
    await world.request("pu2", buyer=BUYER, floor=1)
    assert (await world.counts())[:2] == (3, 1)
    with pytest.raises(DiscountRefused):
        await world.request("pu3", buyer="other", discount_code="ONCE", floor=1)
    await world.refund("rf2", ticket_ids=tickets[1:])
    assert (await world.counts())[:2] == (1, 0)
    await world.request("pu3", buyer="other", discount_code="ONCE", floor=1)


async def _unpaid(world: Taken) -> None:
    purchase = (await world.request("pu", discount_code="ONCE", buyer=BUYER, floor=2)).purchase
    await world.release(purchase)
    assert await world.counts() == (2, 1, 2)
    await world.sales.cancel_order(ending(purchase))


async def _queued_out(world: Taken) -> None:
    purchase = (await world.request("pu", discount_code="ONCE", buyer=BUYER, floor=2)).purchase
    world.now = (await world.see(Order, "pu")).hold_until
    assert await world.purchases.expire_queued(purchase)


async def _whole(world: Taken) -> None:
    await world.sell(floor=2)
    await world.refund("rf")


async def _each(world: Taken) -> None:
    for number, ticket_id in enumerate(await world.sell(floor=2)):
        await world.refund(f"rf{number}", ticket_ids=[ticket_id])


async def _amount(world: Taken) -> None:
    await world.sell(floor=2)
    order = await world.see(Order, "pu")
    assert order.price is not None
    await world.refund("rf1", amount_minor=500)
    await world.refund("rf2", amount_minor=order.price.total_minor - 500)


async def _cancelled_show(world: Taken) -> None:
    await world.sell(floor=2)
    terms: dict[str, Any] = {"tenant_id": "default", "body_digest": "d", "fees": "platform", "rate_per_second": 1.0}
    await ShowCancellationCommands(world.store).cancel_show(CancelShow(show_id="sh", **terms))
    acts = ShowCancellationActivities(world.store, FoldedShows(world.store))
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu", attempt=1)
    await acts.decide_order(CancelledOrder(purchase=purchase, show_id="sh"))


@pytest.mark.parametrize(
    ("leave", "seats"),
    [(_unpaid, 0), (_queued_out, 0), (_whole, 2), (_each, 2), (_amount, 2), (_cancelled_show, 2)],
    ids=["unpaid", "queued-out", "whole", "by-ticket", "by-amount", "cancelled-show"],
)
async def test_every_way_out_gives_everything_back(
    world: Taken, leave: Callable[[Taken], Awaitable[None]], seats: int
) -> None:
    """No ticket is left, none counts, and the code is free. Sold seats wait for `resell_seats`."""
    await leave(world)
    states = await world.store.read(
        lambda uow: {uow.get(Ticket, name).state for name in ticket_ids_of(uow.get(Order, "pu"))}
    )
    assert states == {"void"}
    assert await world.counts() == (0, 0, seats)
