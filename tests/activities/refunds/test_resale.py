"""Resale of refunded seats: the show's terms, its group's room, and the decision on the stock."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from activities.core.commands import PurchaseRef, RefundRef
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.refunds.resale import add_group_capacity, restock_seats
from activities.sales.door.entry import DoorCommands
from domain.catalog.show import Show
from domain.core.errors import UnknownSubject, WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.fakes.sample_history import SampleHistory
from tests.fakes.samples import (
    AT,
    LATER,
    SIGNED,
    burn,
    events_of,
    folded,
    names_of,
    new_allocation,
    new_show,
    new_ticket,
    through_json,
)


def reserved(capacity: int = 3) -> Allocation:
    seats = new_allocation(capacity)
    seats.place("a", 3, LATER, "purchase", AT)
    seats.confirm("a", AT)
    return seats


def test_seats_of_a_reservation_are_available_again_once_per_refund() -> None:
    """The same refund again changes nothing, another one returns its own seats; the rest stays sold."""
    seats = reserved()
    for _ in range(2):
        seats.give_back("a", 2, "r1", AT)
    assert (seats.available, seats.sold, seats.capacity) == (2, 1, 3)
    seats.give_back("a", 1, "r2", AT)
    seats.give_back("a", 2, "r1", AT)
    assert (seats.available, seats.sold) == (3, 0)
    assert names_of(seats).count("SeatsRestocked") == 2
    seats.place("b", 3, LATER, "purchase", AT)
    again: Allocation = folded(through_json(events_of(seats)))
    assert (again.available, again.held, again.holds["a"].returned) == (0, 3, ("r1", "r2"))
    with pytest.raises(WrongState):
        seats.release("a", "late", AT)


def test_only_seats_of_a_reservation_are_given_back() -> None:
    """More than the reservation's seats, seats only held, and seats of an unknown hold are refused."""
    seats = reserved(4)
    seats.place("held", 1, LATER, "purchase", AT)
    for key, quantity in (("a", 4), ("held", 1)):
        with pytest.raises(WrongState, match="confirmed"):
            seats.give_back(key, quantity, "r1", AT)
    with pytest.raises(UnknownSubject):
        seats.give_back("ghost", 1, "r1", AT)
    assert (seats.held, seats.sold) == (1, 3)


def test_a_show_resells_while_it_sells() -> None:
    """Only if its terms allow it, and neither after its sale, after its end, nor once it is cancelled."""
    assert not new_show().resells(AT)
    show = new_show(resell_refunded=True, sale_until=LATER, ends_at=LATER + timedelta(hours=1))
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    assert show.resells(AT)
    assert not show.resells(LATER)
    assert not new_show(resell_refunded=True, ends_at=LATER).resells(LATER)
    show.call_off(AT)
    assert not show.resells(AT)


def test_a_group_has_room_for_burnt_members_whatever_the_capacity_becomes() -> None:
    """The limit rises once per refund, and a capacity change keeps the added room."""
    show = new_show(resell_refunded=True)
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    for _ in range(2):
        show.add_group_capacity("r1", 2, AT)
    show.add_group_capacity("r2", 1, AT)
    assert (show.capacity, show.group_size) == (8, 11)
    show.begin_capacities({"floor": 2}, AT)
    assert (show.capacity, show.group_size) == (5, 8)
    show.finish_capacities(1, AT, made=True)
    again: Show = folded(through_json(events_of(show)))
    assert again.group_size == 8


def test_a_token_is_over_when_none_can_come() -> None:
    """Burnt, unable to land, or never signed; a valid ticket's token is not over."""
    valid, never, forgone = new_ticket(), new_ticket(), new_ticket()
    for ticket in (valid, never, forgone):
        ticket.issue(AT)
    forgone.sign_token(SIGNED, AT)
    for ticket in (never, forgone):
        ticket.give_back(AT, even_redeemed=False)
    assert (valid.token_is_over, never.token_is_over, forgone.token_is_over) == (False, True, False)
    forgone.forgo_token(AT)
    assert forgone.token_is_over


async def refunded(day: SampleHistory, purchase: PurchaseRef, **wanted: Any) -> RefundRef:
    command = RequestRefund(
        tenant_id="default",
        purchase_id=purchase.purchase_id,
        refund_id="rf",
        body_digest="r",
        reason="goodwill",
        **wanted,
    )
    return (await RefundCommands(day.store).request_refund(command)).refund


async def burnt(day: SampleHistory, refund: RefundRef) -> None:
    for ticket_id in refund.ticket_ids:
        await day.store.commit(partial(burn, ticket_id=ticket_id))


async def decided(day: SampleHistory, refund: RefundRef) -> tuple[tuple[str, int] | None, int]:
    room = (await day.store.commit(lambda uow: add_group_capacity(uow, refund))).value
    return room, (await day.store.commit(lambda uow: restock_seats(uow, refund))).value


async def stock(day: SampleHistory) -> tuple[int, int]:
    def look(uow: UnitOfWork) -> tuple[int, int]:
        floor, balcony = uow.get(Allocation, "floor"), uow.get(Allocation, "balcony")
        return floor.available, balcony.available

    return await day.store.read(look)


async def test_seats_come_back_after_their_tokens() -> None:
    """A transient error until the tokens are over; then each type gets its seats back, once."""
    day = SampleHistory()
    await day.open(resell_refunded=True)
    refund = await refunded(day, await day.sell("sold"))
    assert refund.resells
    with pytest.raises(TransientError, match="not burnt yet"):
        await decided(day, refund)
    await burnt(day, refund)
    for _ in range(2):
        assert await decided(day, refund) == (("sh", 8 + 3), 3)
    assert await stock(day) == (5, 3)


async def test_what_somebody_entered_with_and_what_no_longer_sells_does_not_come_back() -> None:
    """A redeemed seat does not return; after the end of the sale none does."""
    day = SampleHistory()
    await day.open(resell_refunded=True, sale_until=AT + timedelta(hours=1))
    purchase = await day.sell("sold")
    ticket_id = tickets_of(day)[0]
    await DoorCommands(day.store).redeem(ticket_id)
    refund = await refunded(day, purchase, even_redeemed=True)
    await burnt(day, refund)
    assert await decided(day, refund) == (("sh", 8 + 2), 2)
    day.now += timedelta(hours=2)
    other = refund.model_copy(update={"refund_id": "rf2"})
    assert await decided(day, other) == (None, 0)


def tickets_of(day: SampleHistory) -> list[str]:
    """Return every ticket of the day."""
    return [stream.partition(":")[2] for stream in day.store.streams if stream.startswith("ticket:")]


async def test_a_refund_of_an_amount_and_a_show_that_does_not_say_so_ask_for_nothing() -> None:
    """A refund without seats to put on sale says so, so that its workflow skips the step."""
    day = SampleHistory()
    await day.open(resell_refunded=True)
    assert not (await refunded(day, await day.sell("sold"), amount_minor=5)).resells
    plain = SampleHistory()
    await plain.open()
    assert not (await refunded(plain, await plain.sell("sold"))).resells
