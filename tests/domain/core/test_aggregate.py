"""Events: a hash chain that shows every edit, survives added fields, and knows no clock."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.core.aggregate import GENESIS, DomainEvent, broken_link, canonical, digest_of
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


class Note(DomainEvent):
    """An event as it was first written."""

    text: str


class NoteWithTone(DomainEvent):
    """The same event after a field was added; it keeps the old name (below)."""

    text: str
    tone: str = "plain"


NoteWithTone.__qualname__ = Note.__qualname__


def chain() -> list[DomainEvent]:
    allocation = new_allocation()
    allocation.place("a", 2, LATER, "purchase", AT)
    allocation.confirm("a", AT)
    return events_of(allocation)


def test_an_untouched_chain_has_no_broken_link() -> None:
    """Events follow from each other, also after they were stored as JSON and read back."""
    assert broken_link(chain()) is None
    assert broken_link(through_json(chain())) is None
    assert broken_link([]) is None


@pytest.mark.parametrize(
    ("index", "edit"),
    [
        (0, {"capacity": 11}),
        (0, {"timestamp": AT + timedelta(seconds=1)}),
        (1, {"holds": [{"key": "a", "quantity": 1, "until": LATER, "maker": "purchase"}]}),
        (1, {"originator_id": "allocation:other"}),
        (2, {"key": "b"}),
        (2, {"digest": "0" * 64}),
    ],
)
def test_an_edited_event_shows(index: int, edit: dict[str, Any]) -> None:
    """The first event that was edited is named by its version."""
    events = chain()
    events[index] = replace(events[index], **edit)
    assert broken_link(events) == index + 1


def test_an_event_edited_with_its_digest_shows_at_the_next_one() -> None:
    """Who makes the digest anew breaks the link of the event that follows."""
    events = chain()
    values = {**vars(events[0]), "capacity": 99}
    events[0] = replace(events[0], capacity=99, digest=digest_of(GENESIS, type(events[0]), values))
    assert broken_link(events) == 2


def test_a_missing_or_moved_event_shows() -> None:
    """An event taken out, and two events exchanged, break the chain."""
    first, second, third = chain()
    assert broken_link([first, third]) == 3
    assert broken_link([second, third]) == 2
    assert broken_link([first, third, second]) == 3


def test_a_field_added_later_with_a_default_does_not_break_old_chains() -> None:
    """An old event has the digest that it had before the field existed; a value of its own is chained."""
    old = digest_of(GENESIS, Note, {"text": "hello"})
    assert digest_of(GENESIS, NoteWithTone, {"text": "hello", "tone": "plain"}) == old
    assert digest_of(GENESIS, NoteWithTone, {"text": "hello", "tone": "loud"}) != old


def test_a_real_event_without_its_later_field_keeps_its_chain() -> None:
    """A reservation recorded before `body_digest` existed is whole, and a digest put in later shows."""
    (made,) = events_of(new_reservation())
    assert isinstance(made, ReservationMade)
    assert made.body_digest == ""
    assert broken_link([made]) is None
    assert broken_link([replace(made, body_digest="forged")]) == 1


def test_the_name_of_an_event_is_part_of_the_chain() -> None:
    """The same values under another name are another event."""
    assert digest_of(GENESIS, Note, {"text": "x"}) != digest_of(GENESIS, ReservationMade, {"text": "x"})


def test_the_domain_has_no_clock() -> None:
    """An event without a given time is refused; a given time is kept as it is."""
    with pytest.raises(TypeError, match="time is passed in"):
        DomainEvent.create_timestamp()
    assert {event.timestamp for event in chain()} == {AT}


def test_an_event_holds_plain_values_only() -> None:
    """Datetimes have one text; anything that has no plain form is refused."""
    assert canonical({"b": AT, "a": 1}) == '{"a":1,"b":"2026-01-01T00:00:00+00:00"}'
    assert canonical({"a": "Ä\x7f"}) == '{"a":"\\u00c4\\u007f"}'
    assert canonical({"a": 1e16}) == '{"a":1e+16}'
    with pytest.raises(TypeError, match="not object"):
        canonical({"a": object()})


def test_an_aggregate_is_the_fold_of_its_events() -> None:
    """Events read back make the aggregate that recorded them, with the same end of its chain."""
    order = placed_order()
    read = folded(through_json(events_of(order)))
    assert state_of(read) == state_of(order)
    assert read.digest == events_of(order)[-1].digest
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
