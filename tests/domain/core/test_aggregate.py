"""Events: each has its fields and its topic, an aggregate is their fold, and nobody looks at a clock."""

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
    with pytest.raises(TypeError, match="time is passed in"):
        DomainEvent.create_timestamp()
    assert {event.timestamp for event in chain()} == {AT}


def test_an_aggregate_is_the_fold_of_its_events() -> None:
    """Events read back make the aggregate that recorded them."""
    order = placed_order()
    read = folded(through_json(events_of(order)))
    assert state_of(read) == state_of(order)
    assert (order.id, order.identity) == ("order:pu", "pu")


def test_an_event_has_exactly_its_fields() -> None:
    """What is missing or unknown is an error where the event is made, not where it is read."""
    whole = dict(vars(events_of(new_reservation())[0]))
    assert ReservationMade.build(whole) is not None
    with pytest.raises(TypeError, match="colour"):
        ReservationMade.build({**whole, "colour": "red"})
    del whole["timestamp"]
    with pytest.raises(TypeError, match="exactly"):
        ReservationMade.build(whole)


def test_an_aggregate_begins_once() -> None:
    """A first event on what exists would forget all that came before."""
    reservation = new_reservation()
    with pytest.raises(TypeError, match="begun already"):
        events_of(reservation)[0].mutate(reservation)


def test_an_event_or_aggregate_without_a_topic_of_its_own_is_refused() -> None:
    """The class cannot be made, also where a base has a topic; the sentence names it."""
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
    """The second one cannot be made; the sentence names both."""
    with pytest.raises(TypeError, match=r"Copycat needs another TOPIC: 'order.placed' is that of OrderPlaced"):

        class Copycat(DomainEvent[Order]):
            TOPIC = OrderPlaced.TOPIC
