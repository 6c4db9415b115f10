"""Events have exact fields and a topic of their own, aggregates are their folds, and the domain has no clock."""

import pytest

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.orders.order import Order, OrderPlaced
from domain.stock.reservation import ReservationMade
from tests.fakes.samples import (
    AT,
    LATER,
    events_of,
    folded,
    new_allocation,
    new_reservation,
    placed_order,
    state_of,
    through_json,
)


def chain() -> list[DomainEvent]:
    allocation = new_allocation()
    allocation.place("a", 2, LATER, "purchase", AT)
    allocation.confirm("a", AT)
    return events_of(allocation)


def test_the_domain_has_no_clock() -> None:
    """An event without a given time is refused; a given time is kept as it is."""
    with pytest.raises(TypeError, match="has no clock"):
        DomainEvent.create_timestamp()
    assert {event.timestamp for event in chain()} == {AT}


def test_an_aggregate_is_the_fold_of_its_events() -> None:
    """Events read back restore the aggregate that recorded them."""
    order = placed_order()
    read = folded(through_json(events_of(order)))
    assert state_of(read) == state_of(order)
    assert (order.id, order.identity) == ("order:pu", "pu")


def test_an_event_has_exactly_its_fields() -> None:
    """A missing or unknown field is an error at the creation of the event, not at its reading."""
    whole = dict(vars(events_of(new_reservation())[0]))
    assert ReservationMade.build(whole) is not None
    with pytest.raises(TypeError, match="colour"):
        ReservationMade.build({**whole, "colour": "red"})
    del whole["timestamp"]
    with pytest.raises(TypeError, match="exactly"):
        ReservationMade.build(whole)


def test_an_aggregate_begins_once() -> None:
    """A first event is refused for an existing aggregate, whose state it would erase."""
    reservation = new_reservation()
    with pytest.raises(TypeError, match="already exists"):
        events_of(reservation)[0].mutate(reservation)


def test_an_event_or_aggregate_without_a_topic_of_its_own_is_refused() -> None:
    """The class definition fails, even if a base class has a topic; the error names the class."""
    with pytest.raises(TypeError, match="Nameless needs a TOPIC of its own"):

        class Nameless(DomainEvent[Order]):
            pass

    with pytest.raises(TypeError, match="Unnamed needs a TOPIC of its own"):

        class Unnamed(CreatedEvent[Order]):
            pass

    with pytest.raises(TypeError, match="Inherits needs a TOPIC of its own"):

        class Inherits(OrderPlaced):
            pass

    with pytest.raises(TypeError, match="Subject needs a TOPIC of its own"):

        class Subject(Aggregate):
            pass


def test_two_classes_never_share_a_topic() -> None:
    """The second class definition fails; the error names both classes."""
    with pytest.raises(TypeError, match=r"Copycat needs another TOPIC: 'order.placed' belongs to OrderPlaced"):

        class Copycat(DomainEvent[Order]):
            TOPIC = OrderPlaced.TOPIC
