"""Allocation: holds are placed, confirmed, undone and ended once each, and stock is never oversold."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.core.errors import HoldExpired, HoldReleased, NotOurHold, SeatsUnavailable, UnknownSubject, WrongState
from domain.stock.allocation import SWEEP, TOMBSTONE, UNARRIVED, Allocation, HoldsPlaced
from tests.fakes.samples import AT, LATER, events_of, folded, names_of, new_allocation, new_reservation, state_of


@pytest.fixture
def stock() -> Allocation:
    return new_allocation(capacity=10)


def place(stock: Allocation, key: str = "a", quantity: int = 4) -> None:
    stock.place(key, quantity, LATER, "purchase", AT)


def sums(stock: Allocation) -> tuple[int, int, int]:
    return stock.available, stock.held, stock.sold


def test_a_hold_takes_seats_and_the_same_key_takes_them_once(stock: Allocation) -> None:
    """A repeated hold changes nothing, even for more seats than are available."""
    place(stock)
    place(stock)
    place(stock, quantity=100)
    assert sums(stock) == (6, 4, 0)
    assert names_of(stock) == ["HoldsPlaced"]


def test_more_than_is_left_is_refused_with_what_is_left(stock: Allocation) -> None:
    """The refusal names the available seats; the last seat can still be held."""
    place(stock, "a", 9)
    with pytest.raises(SeatsUnavailable) as refused:
        place(stock, "b", 2)
    assert refused.value.data == {"ticket_type_id": "floor", "available": 1, "asked": 2}
    place(stock, "c", 1)
    assert sums(stock) == (0, 10, 0)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1)])
def test_a_hold_whose_deadline_has_passed_is_not_placed(stock: Allocation, late: timedelta) -> None:
    """A hold that would expire at once is refused."""
    with pytest.raises(HoldExpired):
        stock.place("a", 1, LATER, "purchase", LATER + late)
    assert names_of(stock) == []


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_hold_is_for_one_seat_at_least(stock: Allocation, quantity: int) -> None:
    """A quantity below one is refused."""
    with pytest.raises(WrongState):
        place(stock, quantity=quantity)


def test_a_confirmed_hold_is_sold_once(stock: Allocation) -> None:
    """Confirming again changes nothing."""
    place(stock)
    stock.confirm("a", AT)
    stock.confirm("a", AT)
    assert sums(stock) == (6, 0, 4)
    assert stock.hold_of("a").state == "confirmed"


def test_a_late_confirm_still_holds(stock: Allocation) -> None:
    """Only an event ends a hold, never the clock."""
    place(stock)
    stock.confirm("a", LATER + timedelta(days=1))
    assert sums(stock) == (6, 0, 4)


def test_a_reservation_is_taken_back_to_a_hold_and_then_released(stock: Allocation) -> None:
    """Confirmation and hold are undone in reverse order, each twice, and no seat is left held or sold."""
    place(stock)
    stock.confirm("a", AT)
    with pytest.raises(WrongState):
        stock.release("a", "cancelled", AT)
    for _ in range(2):
        stock.unconfirm("a", AT)
    assert sums(stock) == (6, 4, 0)
    for _ in range(2):
        stock.release("a", "cancelled", AT)
    assert sums(stock) == (10, 0, 0)
    assert names_of(stock) == ["HoldsPlaced", "HoldConfirmed", "HoldUnconfirmed", "HoldEnded"]


def test_what_was_not_confirmed_is_not_taken_back(stock: Allocation) -> None:
    """Unconfirming an unknown, held or ended hold succeeds without an event."""
    stock.unconfirm("a", AT)
    place(stock)
    stock.unconfirm("a", AT)
    stock.release("a", "cancelled", AT)
    stock.unconfirm("a", AT)
    assert names_of(stock) == ["HoldsPlaced", "HoldEnded"]


def test_a_released_hold_is_neither_placed_nor_confirmed_again(stock: Allocation) -> None:
    """Its tombstone refuses both."""
    place(stock)
    stock.release("a", "expired", AT)
    with pytest.raises(HoldReleased):
        place(stock)
    with pytest.raises(HoldReleased):
        stock.confirm("a", AT)
    assert sums(stock) == (10, 0, 0)


def test_a_release_that_comes_first_refuses_the_late_hold(stock: Allocation) -> None:
    """The tombstone of a hold that has not arrived takes no seat and has its own lifetime."""
    stock.release("a", "cancelled", AT)
    stock.release("a", "cancelled", AT)
    with pytest.raises(HoldReleased):
        place(stock)
    assert sums(stock) == (10, 0, 0)
    assert names_of(stock) == ["HoldEnded"]
    assert (stock.holds, stock.tombstones) == ({}, {"a": AT + UNARRIVED})


def test_holds_of_one_time_are_one_event(stock: Allocation) -> None:
    """Holds of any number of decisions share an event; a later time, or any other event, begins a new one."""
    for key in "abc":
        place(stock, key, 1)
    stock.confirm("b", AT)
    place(stock, "d", 1)
    stock.place("e", 1, LATER, "purchase", AT + timedelta(seconds=1))
    events: list[Any] = events_of(stock)[1:]
    assert names_of(stock) == ["HoldsPlaced", "HoldConfirmed", "HoldsPlaced", "HoldsPlaced"]
    placed = [[hold["key"] for hold in event.holds] for event in events if isinstance(event, HoldsPlaced)]
    assert placed == [["a", "b", "c"], ["d"], ["e"]]
    assert state_of(folded(events_of(stock))) == state_of(stock)


def test_an_ended_hold_leaves_only_a_tombstone_and_that_for_a_bounded_time(stock: Allocation) -> None:
    """The tombstone outlives the hold's deadline, so that late commands are refused; events' time decides."""
    place(stock)
    stock.release("a", "expired", AT)
    assert (stock.holds, stock.tombstones) == ({}, {"a": LATER + TOMBSTONE})
    stock.place("b", 1, LATER + TOMBSTONE, "purchase", LATER + TOMBSTONE - timedelta(seconds=1))
    stock.collect_events()
    assert set(stock.tombstones) == {"a"}
    stock.release("b", "expired", LATER + TOMBSTONE + SWEEP)
    assert set(stock.tombstones) == {"b"}
    with pytest.raises(HoldExpired):
        stock.place("a", 1, LATER, "purchase", LATER + TOMBSTONE + SWEEP)


def test_a_snapshot_is_the_whole_state(stock: Allocation) -> None:
    """A restored aggregate decides and continues the stream as the original does."""
    for key in "abc":
        place(stock, key, 2)
    stock.confirm("a", AT)
    stock.release("b", "expired", AT)
    events = events_of(stock)
    restored = Allocation.from_snapshot(stock.id, stock.version, stock.digest, json.loads(json.dumps(stock.snapshot())))
    assert state_of(restored) == state_of(stock)
    for one in (stock, restored):
        one.confirm("c", LATER)
    assert state_of(folded([*events, *events_of(restored)])) == state_of(stock)
    assert state_of(restored) == state_of(stock)


def test_an_unknown_hold_is_not_confirmed(stock: Allocation) -> None:
    """Confirming an unknown hold is refused."""
    with pytest.raises(UnknownSubject):
        stock.confirm("a", AT)


def test_a_maker_finds_its_own_holds_only(stock: Allocation) -> None:
    """A hold of another maker is refused."""
    place(stock)
    assert stock.hold_of("a", "purchase").quantity == 4
    with pytest.raises(NotOurHold):
        stock.hold_of("a", "internal")


def test_a_bigger_snapshot_is_made_less_often(stock: Allocation) -> None:
    """The cost grows with holds and tombstones; an aggregate without snapshots has none."""
    assert (stock.snapshot_cost, new_reservation().snapshot_cost) == (0, 0)
    for key in "abcdefgh":
        place(stock, key, 1)
    stock.release("a", "expired", AT)
    assert stock.snapshot_cost == 2
