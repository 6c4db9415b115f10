"""The desk: decisions share it, and one that fails leaves nothing behind."""

import pytest

from domain.core.aggregate import Root, broken_link
from domain.core.errors import SeatsUnavailable, UnknownSubject, WrongState
from domain.core.unit_of_work import Desk
from domain.orders.order import Order
from domain.stock.allocation import Allocation
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, LATER, facts_of, folded, new_allocation, new_order, new_ticket


class Store:
    """Streams in memory, read afresh at every load."""

    def __init__(self, *aggregates: Root) -> None:
        self.streams = {aggregate.id: facts_of(aggregate) for aggregate in aggregates}
        self.loads: list[str] = []

    def load(self, stream: str) -> Root | None:
        self.loads.append(stream)
        found: Root | None = folded(self.streams.get(stream, []))
        return found


@pytest.fixture
def store() -> Store:
    return Store(new_allocation(), new_order())


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store.load, AT)


def hold(desk: Desk, key: str, quantity: int = 1) -> None:
    desk.get(Allocation, "floor").place(key, quantity, LATER, "purchase", desk.at)


def fail_after_all_kinds_of_work(desk: Desk) -> None:
    hold(desk, "bad", 3)
    desk.get(Order, "pu").request_cancel(desk.at)
    desk.add(new_ticket())
    hold(desk, "too-many", 100)


def test_an_aggregate_is_loaded_once(desk: Desk, store: Store) -> None:
    """All decisions on a desk see the same aggregate."""
    assert desk.get(Allocation, "floor") is desk.find(Allocation, "floor")
    assert store.loads == ["allocation:floor"]
    assert set(desk.aggregates()) == {"allocation:floor"}


def test_what_does_not_exist_is_none_or_refused(desk: Desk) -> None:
    """`find` answers None, `get` refuses and says what it looked for."""
    assert desk.find(Ticket, "ti") is None
    with pytest.raises(UnknownSubject) as refused:
        desk.get(Ticket, "ti")
    assert refused.value.data == {"kind": "ticket", "id": "ti"}


def test_a_decision_returns_its_value_and_its_facts_are_collected_once(desk: Desk) -> None:
    """The facts of all decisions are taken from the desk, each stream in sequence."""
    desk.attempt(lambda desk: hold(desk, "a"))
    assert desk.attempt(lambda desk: desk.get(Allocation, "floor").available) == 9
    desk.attempt(lambda desk: hold(desk, "b"))
    (placed,) = (vars(fact) for fact in desk.collect())
    assert [hold["key"] for hold in placed["holds"]] == ["a", "b"]
    assert desk.collect() == []


def test_a_failing_decision_leaves_nothing_behind(desk: Desk) -> None:
    """Several aggregates, changed and new, are as they were before."""
    with pytest.raises(SeatsUnavailable):
        desk.attempt(fail_after_all_kinds_of_work)
    assert desk.get(Allocation, "floor").available == 10
    assert not desk.get(Order, "pu").cancel_requested
    assert desk.find(Ticket, "ti") is None
    assert desk.collect() == []


def test_a_failing_decision_keeps_what_others_decided_before_it(desk: Desk, store: Store) -> None:
    """Accepted facts stay, and those after a failure follow them in an unbroken chain."""
    desk.attempt(lambda desk: hold(desk, "a", 2))
    ticket = desk.attempt(lambda desk: desk.add(new_ticket()))
    with pytest.raises(SeatsUnavailable):
        desk.attempt(lambda desk: (desk.get(Ticket, "ti").issue(AT), fail_after_all_kinds_of_work_but_the_ticket(desk)))
    desk.attempt(lambda desk: hold(desk, "b", 1))
    assert (desk.get(Allocation, "floor").held, desk.get(Ticket, "ti").state) == (3, "reserved")
    assert ticket.identity == "ti"
    facts = desk.collect()
    stock = [fact for fact in facts if fact.originator_id == "allocation:floor"]
    assert [[(hold["key"], hold["quantity"]) for hold in vars(fact)["holds"]] for fact in stock] == [
        [("a", 2), ("b", 1)]
    ]
    assert broken_link(store.streams["allocation:floor"] + stock) is None
    assert [type(fact).__name__ for fact in facts if fact not in stock] == ["TicketReserved"]


def test_a_failure_after_a_fact_keeps_the_holds_that_were_gathered_before_it(desk: Desk, store: Store) -> None:
    """The failing decision had made a fact of them together with its own; only its own are taken back."""
    desk.attempt(lambda desk: hold(desk, "a", 2))

    def confirmed_and_failed(desk: Desk) -> None:
        hold(desk, "bad", 3)
        desk.get(Allocation, "floor").confirm("bad", desk.at)
        hold(desk, "too-many", 100)

    with pytest.raises(SeatsUnavailable):
        desk.attempt(confirmed_and_failed)
    desk.attempt(lambda desk: hold(desk, "b", 1))
    stock = desk.get(Allocation, "floor")
    assert (stock.held, stock.sold, sorted(stock.holds)) == (3, 0, ["a", "b"])
    facts = desk.collect()
    assert [type(fact).__name__ for fact in facts] == ["HoldsPlaced"]
    assert broken_link(store.streams["allocation:floor"] + facts) is None
    assert store.loads == ["allocation:floor"] * 2


def test_a_failure_that_only_gathered_costs_no_load(desk: Desk, store: Store) -> None:
    """Holds that were not made a fact yet are taken back where they stand."""
    desk.attempt(lambda desk: hold(desk, "a", 2))
    with pytest.raises(SeatsUnavailable):
        desk.attempt(lambda desk: (hold(desk, "bad", 3), hold(desk, "too-many", 100)))
    assert (desk.get(Allocation, "floor").held, store.loads) == (2, ["allocation:floor"])


def fail_after_all_kinds_of_work_but_the_ticket(desk: Desk) -> None:
    hold(desk, "bad", 3)
    desk.get(Order, "pu").request_cancel(desk.at)
    hold(desk, "too-many", 100)


def test_a_failure_that_only_looked_keeps_the_aggregate(desk: Desk, store: Store) -> None:
    """A decision that recorded nothing costs no second load."""
    with pytest.raises(SeatsUnavailable):
        desk.attempt(lambda desk: hold(desk, "too-many", 100))
    assert desk.get(Allocation, "floor").available == 10
    assert store.loads == ["allocation:floor"]


def test_an_interrupted_decision_leaves_nothing_behind(desk: Desk) -> None:
    """Whatever ends a decision, also what is no ordinary error, undoes it."""

    def interrupted(desk: Desk) -> None:
        hold(desk, "a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.attempt(interrupted)
    assert desk.collect() == []


def test_what_lies_on_the_desk_is_not_begun_again(desk: Desk) -> None:
    """A second beginning is refused, so that it never takes the place of facts that were accepted."""
    desk.attempt(lambda desk: desk.add(new_ticket()))
    desk.attempt(lambda desk: desk.get(Ticket, "ti").issue(AT))
    with pytest.raises(WrongState):
        desk.attempt(lambda desk: desk.add(new_ticket()))
    assert [type(fact).__name__ for fact in desk.collect()] == ["TicketReserved", "TicketIssued"]
