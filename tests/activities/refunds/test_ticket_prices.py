"""Refunds of tickets and amounts: each ticket its price, kept fees stay kept, all money back voids the tickets."""

from itertools import permutations
from typing import Any

import pytest

from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.sales.door.entry import DoorCommands
from activities.sales.order import ticket_ids_of
from domain.catalog.show import TicketType
from domain.core.errors import AlreadyEntered, RefundExceeds
from domain.core.unit_of_work import UnitOfWork
from domain.money.breakdown import AmountBreakdown
from domain.money.money import FeeRates
from domain.orders.order import Order
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds, RefundsOpened
from domain.tickets.ticket import Ticket
from tests.fakes.samples import TYPES
from tests.fakes.store_world import VENUE, StoreWorld

ODD = FeeRates(platform_bps=0, processing_bps=0, platform_fixed_minor=25, processing_fixed_minor=35, fees="absorbed")
TERMS: dict[str, Any] = {"body_digest": "b", "reason": "goodwill"}


class Shop:
    """A sold order, and its refunds."""

    def __init__(self) -> None:
        self.world = StoreWorld()
        self.commands = RefundCommands(self.world.store)
        self.tickets: list[str] = []

    async def sell(self, rates: FeeRates | None = None, *, floor: int, balcony: int = 0) -> None:
        """Sell tickets to the end; balcony tickets are free."""
        await self.world.catalog.register_venue(VENUE.model_copy(update={"rates": rates or FeeRates()}))
        kinds = [TicketType.model_validate(item) for item in (TYPES[0], {**TYPES[1], "price_minor": 0})]
        await self.world.open(ticket_types=kinds)
        wanted = {"floor": floor} | ({"balcony": balcony} if balcony else {})
        purchase = await self.world.bought(None, nonce="", **wanted)
        await self.world.sales.confirm_seats(purchase)
        await self.world.capture(purchase)
        await self.world.sales.confirm_order(purchase)
        self.tickets = await self.world.store.read(lambda uow: ticket_ids_of(uow.get(Order, "pu")))

    async def refund(self, *numbers: int, **more: Any) -> int:
        """Refund tickets by number, or as `more` says; return the amount."""
        wanted = {"ticket_ids": tuple(self.tickets[number] for number in numbers)} | more
        name = f"rf{len(self.world.store.log)}"
        command = RequestRefund(tenant_id="default", purchase_id="pu", refund_id=name, **TERMS, **wanted)
        return (await self.commands.request_refund(command)).refund.amount_minor

    async def states(self) -> list[str]:
        """Return the states of the tickets."""
        return await self.world.store.read(lambda uow: [uow.get(Ticket, name).state for name in self.tickets])


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_equal_tickets_are_refunded_equally(shop: Shop, order: tuple[int, ...]) -> None:
    """Three of 10.00 give 10.00 each in any order, although no fee divides by three."""
    await shop.sell(ODD, floor=3)
    assert [await shop.refund(number) for number in order] == [1000, 1000, 1000]
    with pytest.raises(RefundExceeds):
        await shop.refund()


async def test_fees_that_the_buyer_bears_stay_with_the_rest(shop: Shop) -> None:
    """The rest is the other tickets with their own fees; whoever names the amount may still return all."""
    await shop.sell(floor=3)
    assert await shop.refund(0, fees="buyer") == 1000
    assert await shop.refund() == 2208
    with pytest.raises(RefundExceeds, match=r"fees of 1\.04"):
        await shop.refund()
    assert await shop.refund(amount_minor=104) == 104
    with pytest.raises(RefundExceeds):
        await shop.refund(amount_minor=1)


async def test_fees_of_an_amount_that_the_buyer_bears_stay_too(shop: Shop) -> None:
    """An amount keeps the fees in its proportion."""
    await shop.sell(floor=2)
    assert await shop.refund(amount_minor=1000, fees="buyer") == 1000
    assert await shop.states() == ["issued", "issued"]
    assert await shop.refund() == 1104


@pytest.mark.parametrize(
    "parts",
    [
        ({"amount_minor": 2208},),
        ({"amount_minor": 2000, "fees": "buyer"},),
        ({"amount_minor": 1104}, {"amount_minor": 1000}, {"amount_minor": 104}),
        ({"amount_minor": 8, "fees": "venue"}, {"amount_minor": 2200}),
    ],
)
async def test_all_money_back_voids_the_tickets(shop: Shop, parts: tuple[dict[str, Any], ...]) -> None:
    """However often it was asked: the amount that leaves nothing voids every ticket, the free one too."""
    await shop.sell(floor=2, balcony=1)
    for part in parts[:-1]:
        await shop.refund(**part)
        assert await shop.states() == ["issued"] * 3
    await shop.refund(**parts[-1])
    assert await shop.states() == ["void"] * 3
    with pytest.raises(RefundExceeds):
        await shop.refund()


async def test_the_last_ticket_voids_those_whose_money_is_back(shop: Shop) -> None:
    """After an amount for one ticket the refund of another one ends both; a free one and a used one stay."""
    await shop.sell(floor=3, balcony=1)
    await DoorCommands(shop.world.store).redeem(shop.tickets[2])
    await shop.refund(amount_minor=2208)
    assert await shop.refund(0) == 1104
    assert await shop.states() == ["void", "void", "redeemed", "issued"]


async def test_the_last_amount_does_not_void_a_used_ticket_unasked(shop: Shop) -> None:
    """As with a refund of the rest, only an operator returns all money of a ticket that was used."""
    await shop.sell(floor=1)
    await DoorCommands(shop.world.store).redeem(shop.tickets[0])
    with pytest.raises(AlreadyEntered):
        await shop.refund(amount_minor=1104)
    assert await shop.refund(amount_minor=1104, even_redeemed=True) == 1104
    assert await shop.states() == ["void"]


async def test_fees_that_take_all_leave_nothing_without_them(shop: Shop) -> None:
    """Where absorbed fees are the whole price, a refund without the fees is refused as too large."""
    await shop.sell(FeeRates(platform_bps=10_000, fees="absorbed"), floor=1)
    with pytest.raises(RefundExceeds):
        await shop.refund(amount_minor=1, fees="buyer")
    assert await shop.refund() == 1000


async def test_a_ticket_refunded_by_an_earlier_release(shop: Shop) -> None:
    """An event with the earlier split loads, and the other tickets take what is left, to the cent."""
    await shop.sell(ODD, floor=3)
    given = AmountBreakdown(venue_minor=980, platform_minor=9, processing_minor=12)
    wanted = Refund(refund_id="old", ticket_ids=(shop.tickets[0],), given=given, fees="platform", **TERMS)

    def decide(uow: UnitOfWork) -> None:
        price = uow.get(Order, "pu").price
        assert price is not None
        book = uow.add(Refunds.begin(RefundsOpened, "pu", uow.at, tenant_id="default", price=price.model_dump()))
        book.request(wanted, uow.at)
        uow.get(Ticket, shop.tickets[0]).give_back(uow.at, even_redeemed=False)

    await shop.world.store.commit(decide)
    assert [await shop.refund(1), await shop.refund(2)] == [1000, 999]
