"""Shares of a stock: one client, and purchases without a named buyer, hold only a part of it at once."""

import json

import pytest

from domain.core.errors import BuyerNameNeeded, ClientShareReached, SeatsUnavailable
from domain.stock.allocation import Allocation, HoldsPlaced
from domain.stock.shares import ANYBODY, Holder, SeatShares
from tests.fakes.samples import AT, LATER, events_of, folded, new_allocation, state_of

ANN, BOB = (Holder(client_id=name, client_percent=40) for name in ("ann", "bob"))
UNNAMED = Holder(is_named=False, unnamed_percent=50)


@pytest.fixture
def stock() -> Allocation:
    return new_allocation(capacity=10)


def place(stock: Allocation, key: str, quantity: int, holder: Holder) -> None:
    stock.place(key, quantity, LATER, "purchase", AT, holder)


def test_one_client_holds_its_share_at_most(stock: Allocation) -> None:
    """The refusal names the share; another client has its own, and without the limit the same hold is placed."""
    place(stock, "a", 3, ANN)
    place(stock, "b", 1, ANN)
    with pytest.raises(ClientShareReached) as refused:
        place(stock, "c", 1, ANN)
    assert refused.value.data == {"limit": 4}
    place(stock, "d", 4, BOB)
    place(stock, "e", 1, ANN._replace(client_percent=100))


def test_one_purchase_of_a_client_passes_whatever_its_size(stock: Allocation) -> None:
    """A family may take the only box; the next purchase is refused."""
    place(stock, "a", 8, ANN)
    with pytest.raises(ClientShareReached):
        place(stock, "b", 1, ANN)


def test_holds_without_a_named_buyer_have_a_share_together(stock: Allocation) -> None:
    """Whoever places them; a named buyer gets the rest."""
    place(stock, "a", 3, UNNAMED._replace(client_id="ann"))
    place(stock, "b", 2, UNNAMED._replace(client_id="bob"))
    with pytest.raises(BuyerNameNeeded) as refused:
        place(stock, "c", 1, UNNAMED._replace(client_id="cid"))
    assert refused.value.data == {"limit": 5}
    place(stock, "c", 5, Holder(client_id="cid", unnamed_percent=50))


@pytest.mark.parametrize(
    ("capacity", "percent", "most"), [(1, 50, 1), (3, 50, 2), (10, 1, 1), (10, 0, 0), (10, 100, 10)]
)
def test_a_share_is_rounded_up(capacity: int, percent: int, most: int) -> None:
    """One seat can be bought at any share but none."""
    seats, holder = SeatShares(), Holder(is_named=False, unnamed_percent=percent)
    if most:
        seats.check(holder, most, capacity)
    with pytest.raises(BuyerNameNeeded):
        seats.check(holder, most + 1, capacity)


def test_no_share_of_a_show_that_asks_for_names(stock: Allocation) -> None:
    """Not even one seat."""
    with pytest.raises(BuyerNameNeeded):
        place(stock, "a", 1, UNNAMED._replace(unnamed_percent=0))


def test_sold_and_released_seats_count_no_more(stock: Allocation) -> None:
    """Only what is held counts; a sale that is taken back is held again."""
    for key in ("a", "b"):
        place(stock, key, 2, UNNAMED._replace(client_id="ann", client_percent=40))
    stock.confirm("a", AT)
    assert stock.shares == SeatShares(2, stock.shares.by_client)
    assert stock.shares.by_client == {"ann": 2}
    stock.unconfirm("a", AT)
    assert (stock.shares.unnamed, stock.shares.by_client) == (4, {"ann": 4})
    for key in ("a", "b"):
        stock.release(key, "expired", AT)
    assert stock.shares == SeatShares()
    place(stock, "c", 4, UNNAMED)


def test_sold_out_is_said_before_a_share(stock: Allocation) -> None:
    """A name would not help."""
    place(stock, "a", 10, ANYBODY)
    with pytest.raises(SeatsUnavailable):
        place(stock, "b", 1, UNNAMED._replace(unnamed_percent=0))


def test_a_repeat_is_not_counted_again(stock: Allocation) -> None:
    """The same key passes beyond every share."""
    for _ in range(3):
        place(stock, "a", 4, ANN)
    assert stock.shares.by_client == {"ann": 4}


def test_holds_taken_back_are_not_counted(stock: Allocation) -> None:
    """A decision that fails leaves no count."""
    place(stock, "a", 1, ANN)
    savepoint = stock.savepoint()
    place(stock, "b", 2, UNNAMED)
    assert stock.rollback_to(savepoint)
    assert (stock.shares.unnamed, stock.shares.by_client) == (0, {"ann": 1})


def test_counts_are_the_same_from_events_and_from_a_snapshot(stock: Allocation) -> None:
    """And an event says nothing of a client where there is none, as those stored earlier."""
    place(stock, "a", 2, UNNAMED._replace(client_id="ann"))
    place(stock, "b", 1, BOB)
    place(stock, "c", 1, ANYBODY)
    stock.confirm("b", AT)
    events = events_of(stock)
    (placed,) = [event for event in events if isinstance(event, HoldsPlaced)]
    assert [sorted(set(hold) - {"key", "quantity", "until", "maker"}) for hold in placed.holds] == [
        ["client", "unnamed"],
        ["client"],
        [],
    ]
    assert state_of(folded(events)) == state_of(stock)
    restored = new_allocation(capacity=10)
    restored.restore(json.loads(json.dumps(stock.snapshot())))
    assert (restored.holds, restored.held, restored.sold) == (stock.holds, stock.held, stock.sold)
    assert (restored.shares.unnamed, restored.shares.by_client) == (2, {"ann": 2})
