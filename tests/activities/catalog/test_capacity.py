"""Capacity changes: reductions leave the stock before the chain; held and sold seats are never lost."""

import pytest

from domain.catalog.show import Show
from domain.core.errors import NotOnSale, UnknownSubject, WrongState
from domain.invariants.invariant import Findings
from domain.invariants.per_commit import History, stock_fault
from domain.stock.allocation import Allocation
from tests.fakes.samples import AT, LATER, SIGNED, events_of, folded, names_of, new_allocation, new_show, through_json
from tests.fakes.stored import rechained, recorded

OTHER = SIGNED.model_copy(update={"signature": "second"})


def on_sale() -> Show:
    show = new_show()
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    return show


def test_stock_never_falls_below_what_is_held_and_sold() -> None:
    """The refusal has the reason and records nothing; the same capacity again changes nothing."""
    seats = new_allocation(capacity=10)
    seats.place("a", 3, LATER, "purchase", AT)
    seats.place("b", 2, LATER, "purchase", AT)
    seats.confirm("b", AT)
    with pytest.raises(WrongState, match="capacity 4 is below the 3 held and 2 sold seats"):
        seats.resize(4, AT)
    seats.resize(5, AT)
    seats.resize(5, AT)
    assert (seats.capacity, seats.available) == (5, 0)
    assert names_of(seats).count("AllocationResized") == 1
    again: Allocation = folded(through_json(events_of(seats)))
    assert (again.capacity, again.held, again.sold) == (5, 3, 2)


def test_one_change_at_a_time() -> None:
    """The same request returns the change in progress; another one is refused until it has ended."""
    show = on_sale()
    assert show.begin_capacities({"floor": 9}, AT) == 1
    assert show.begin_capacities({"floor": 9}, AT) == 1
    with pytest.raises(WrongState, match="under way"):
        show.begin_capacities({"floor": 8}, AT)
    assert show.capacity == 9 + 3
    show.finish_capacities(1, AT, made=True)
    assert (show.type_of("floor").capacity, show.capacities_of(1)) == (9, None)
    assert show.begin_capacities({"balcony": 4}, AT) == 2
    assert (show.capacities_of(1), show.capacities_of(2)) == (None, {"balcony": 4})
    again: Show = folded(through_json(events_of(show)))
    assert (again.capacity, again.capacities_asked) == (13, {"balcony": 4})


def test_a_change_that_was_given_up_changes_nothing() -> None:
    """The capacities stay as they were, and the next change is accepted."""
    show = on_sale()
    show.begin_capacities({"floor": 2}, AT)
    show.finish_capacities(1, AT, made=False)
    assert show.capacity == 5 + 3


def test_only_what_is_on_sale_changes() -> None:
    """A show without a group has nothing to resize, and an unknown ticket type is refused."""
    with pytest.raises(NotOnSale):
        new_show().begin_capacities({"floor": 9}, AT)
    with pytest.raises(UnknownSubject):
        on_sale().begin_capacities({"cellar": 9}, AT)


def test_bytes_are_stored_one_after_another() -> None:
    """Bytes signed after other bytes than the newest, or for an outdated size, are not stored."""
    show = on_sale()
    show.begin_capacities({"floor": 9}, AT)
    show.sign_resize(SIGNED, 12, None, AT)
    show.sign_resize(OTHER, 12, None, AT)
    show.sign_resize(OTHER, 11, SIGNED, AT)
    assert show.resize_signed == SIGNED
    show.sign_resize(OTHER, 12, SIGNED, AT)
    assert names_of(show).count("GroupResizeSigned") == 2
    show.finish_capacities(1, AT, made=True)
    again: Show = folded(through_json(events_of(show)))
    assert (show.resize_signed, again.resize_signed) == (OTHER, OTHER)


def test_the_size_on_chain_is_recorded_once_per_change() -> None:
    """It is evidence for this change alone: neither a change that ended nor the next one has it."""
    show = on_sale()
    show.begin_capacities({"floor": 9}, AT)
    for _ in range(2):
        show.confirm_group_size(1, AT)
    show.finish_capacities(1, AT, made=True)
    show.confirm_group_size(1, AT)
    assert names_of(show).count("GroupSizeConfirmed") == 1
    assert show.begin_capacities({"floor": 4}, AT) == 2
    again: Show = folded(through_json(events_of(show)))
    assert show.group_confirmed_for == again.group_confirmed_for == 1


def test_the_invariants_know_the_new_capacity() -> None:
    """Seats beyond the old capacity violate the invariant, unless the capacity was raised."""
    seats = new_allocation(capacity=1)
    seats.resize(2, AT)
    seats.place("a:hold:1", 2, LATER, "purchase", AT)
    events = events_of(seats)
    history = History(Findings())
    history.take(recorded(rechained(events)))
    history.settle()
    stock = history.state.stocks["floor"]
    assert (stock.capacity, stock_fault(stock)) == (2, None)
    stock.capacity = 1
    assert stock_fault(stock) is not None
