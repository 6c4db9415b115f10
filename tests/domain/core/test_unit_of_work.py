"""The unit of work: several decisions share it, and a failing one is undone."""

import pytest

from domain.catalog.show import Show
from domain.core.actor import Actor
from domain.core.aggregate import Aggregate
from domain.core.errors import SeatsUnavailable, UnknownSubject, WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.stock.allocation import Allocation
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, LATER, events_of, folded, new_allocation, new_order, new_show, new_ticket


class Store:
    """An event store in memory that folds the stream anew at every load."""

    def __init__(self, *aggregates: Aggregate) -> None:
        self.streams = {aggregate.id: events_of(aggregate) for aggregate in aggregates}
        self.loads: list[str] = []

    def load(self, stream: str) -> Aggregate | None:
        self.loads.append(stream)
        found: Aggregate | None = folded(self.streams.get(stream, []))
        return found


@pytest.fixture
def store() -> Store:
    return Store(new_allocation(), new_order())


@pytest.fixture
def uow(store: Store) -> UnitOfWork:
    return UnitOfWork(store.load, AT)


def hold(uow: UnitOfWork, key: str, quantity: int = 1) -> None:
    uow.get(Allocation, "floor").place(key, quantity, LATER, "purchase", uow.at)


def fail_after_all_kinds_of_work(uow: UnitOfWork) -> None:
    hold(uow, "bad", 3)
    uow.get(Order, "pu").request_cancel(uow.at)
    uow.add(new_ticket())
    hold(uow, "too-many", 100)


def test_an_aggregate_is_loaded_once(uow: UnitOfWork, store: Store) -> None:
    """All decisions of a unit of work get the same aggregate."""
    assert uow.get(Allocation, "floor") is uow.find(Allocation, "floor")
    assert store.loads == ["allocation:floor"]
    assert set(uow.aggregates()) == {"allocation:floor"}


def test_what_does_not_exist_is_none_or_refused(uow: UnitOfWork) -> None:
    """`find` returns None, `get` refuses and names the missing aggregate."""
    assert uow.find(Ticket, "ti") is None
    with pytest.raises(UnknownSubject) as refused:
        uow.get(Ticket, "ti")
    assert refused.value.data == {"kind": "ticket", "id": "ti"}


def test_a_decision_returns_its_value_and_its_events_are_collected_once(uow: UnitOfWork) -> None:
    """The events of all decisions are collected once, each stream in sequence."""
    uow.attempt(lambda uow: hold(uow, "a"))
    assert uow.attempt(lambda uow: uow.get(Allocation, "floor").available) == 9
    uow.attempt(lambda uow: hold(uow, "b"))
    (placed,) = (vars(event) for event in uow.collect())
    assert [hold["key"] for hold in placed["holds"]] == ["a", "b"]
    assert uow.collect() == []


def test_a_failing_decision_leaves_nothing_behind(uow: UnitOfWork) -> None:
    """Several aggregates, changed and new, are restored."""
    with pytest.raises(SeatsUnavailable):
        uow.attempt(fail_after_all_kinds_of_work)
    assert uow.get(Allocation, "floor").available == 10
    assert not uow.get(Order, "pu").cancel_requested
    assert uow.find(Ticket, "ti") is None
    assert uow.collect() == []


def test_a_failing_decision_keeps_what_others_decided_before_it(uow: UnitOfWork, store: Store) -> None:
    """Accepted events stay, and those after a failure follow them in sequence."""
    uow.attempt(lambda uow: hold(uow, "a", 2))
    ticket = uow.attempt(lambda uow: uow.add(new_ticket()))
    with pytest.raises(SeatsUnavailable):
        uow.attempt(issue_and_fail)
    uow.attempt(lambda uow: hold(uow, "b", 1))
    assert (uow.get(Allocation, "floor").held, uow.get(Ticket, "ti").state) == (3, "reserved")
    assert ticket.identity == "ti"
    events = uow.collect()
    stock = [event for event in events if event.originator_id == "allocation:floor"]
    assert [[(hold["key"], hold["quantity"]) for hold in vars(event)["holds"]] for event in stock] == [
        [("a", 2), ("b", 1)]
    ]
    assert folded(store.streams["allocation:floor"] + stock).held == 3
    assert [type(event).__name__ for event in events if event not in stock] == ["TicketReserved"]


def test_a_failure_after_an_event_keeps_the_holds_placed_before_it(uow: UnitOfWork, store: Store) -> None:
    """The failing decision sealed them in one event with its own holds; only its own are removed."""
    uow.attempt(lambda uow: hold(uow, "a", 2))

    def confirmed_and_failed(uow: UnitOfWork) -> None:
        hold(uow, "bad", 3)
        uow.get(Allocation, "floor").confirm("bad", uow.at)
        hold(uow, "too-many", 100)

    with pytest.raises(SeatsUnavailable):
        uow.attempt(confirmed_and_failed)
    uow.attempt(lambda uow: hold(uow, "b", 1))
    stock = uow.get(Allocation, "floor")
    assert (stock.held, stock.sold, sorted(stock.holds)) == (3, 0, ["a", "b"])
    events = uow.collect()
    assert [type(event).__name__ for event in events] == ["HoldsPlaced"]
    assert folded(store.streams["allocation:floor"] + events).held == 3
    assert store.loads == ["allocation:floor"] * 2


def test_a_failure_with_unsealed_holds_only_costs_no_load(uow: UnitOfWork, store: Store) -> None:
    """Holds that are not in an event yet are removed without a reload."""
    uow.attempt(lambda uow: hold(uow, "a", 2))
    with pytest.raises(SeatsUnavailable):
        uow.attempt(fail_after_a_hold)
    assert (uow.get(Allocation, "floor").held, store.loads) == (2, ["allocation:floor"])


def issue_and_fail(uow: UnitOfWork) -> None:
    uow.get(Ticket, "ti").issue(AT)
    fail_after_all_kinds_of_work_but_the_ticket(uow)


def fail_after_a_hold(uow: UnitOfWork) -> None:
    hold(uow, "bad", 3)
    hold(uow, "too-many", 100)


def fail_after_all_kinds_of_work_but_the_ticket(uow: UnitOfWork) -> None:
    hold(uow, "bad", 3)
    uow.get(Order, "pu").request_cancel(uow.at)
    hold(uow, "too-many", 100)


def test_a_failure_that_only_looked_keeps_the_aggregate(uow: UnitOfWork, store: Store) -> None:
    """A decision that recorded nothing costs no second load."""
    with pytest.raises(SeatsUnavailable):
        uow.attempt(lambda uow: hold(uow, "too-many", 100))
    assert uow.get(Allocation, "floor").available == 10
    assert store.loads == ["allocation:floor"]


def test_an_interrupted_decision_leaves_nothing_behind(uow: UnitOfWork) -> None:
    """Any BaseException undoes the decision."""

    def interrupted(uow: UnitOfWork) -> None:
        hold(uow, "a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uow.attempt(interrupted)
    assert uow.collect() == []


def test_an_aggregate_of_the_uow_is_not_created_again(uow: UnitOfWork) -> None:
    """Adding an aggregate a second time is refused, so that it never replaces accepted events."""
    uow.attempt(lambda uow: uow.add(new_ticket()))
    uow.attempt(lambda uow: uow.get(Ticket, "ti").issue(AT))
    with pytest.raises(WrongState):
        uow.attempt(lambda uow: uow.add(new_ticket()))
    assert [type(event).__name__ for event in uow.collect()] == ["TicketReserved", "TicketIssued"]


STRANGERS = [Actor("other/key", "other"), Actor("default/key", "default", "ve_other")]


@pytest.mark.parametrize("actor", STRANGERS, ids=["another tenant", "another venue"])
def test_what_is_somebody_elses_does_not_exist_for_an_actor(actor: Actor) -> None:
    """Neither by its own venue nor by its show's; for the system, and afterwards, it exists."""
    uow = UnitOfWork(Store(new_show(), new_order(), new_ticket()).load, AT)
    for look in (lambda uow: uow.find(Show, "sh"), lambda uow: uow.find(Ticket, "ti")):
        assert uow.attempt(look, actor) is None
        assert uow.attempt(look) is not None
    with pytest.raises(UnknownSubject):
        uow.attempt(lambda uow: uow.get(Ticket, "ti"), actor)
    owner = Actor("default/key", "default", uow.get(Show, "sh").venue_id)
    assert uow.attempt(lambda uow: uow.find(Ticket, "ti"), owner) is not None


def test_the_events_of_a_decision_name_its_actor(uow: UnitOfWork) -> None:
    """Those of other decisions in the same transaction do not, nor those of shared stock."""
    uow.attempt(lambda uow: uow.add(new_ticket("first")))
    uow.attempt(fail_nothing, Actor("default/key", "default"))
    uow.attempt(lambda uow: uow.add(new_ticket("last")))
    by = {event.originator_id: event.by for event in uow.collect()}
    assert by == {"ticket:first": "", "order:pu": "default/key", "ticket:last": "", "allocation:floor": ""}


def fail_nothing(uow: UnitOfWork) -> None:
    hold(uow, "good")
    uow.get(Order, "pu").request_cancel(uow.at)
