"""The stored form of events and the hash chain over it: for any values, and for an edit at any byte."""

from dataclasses import replace
from datetime import UTC
from typing import Any

from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, StoredEvent
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.event_store.recorder import event_mapper
from domain.core.chain import GENESIS, digest_of, link
from tests.fakes.stored import broken_link

MAPPER = event_mapper()
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.text() | st.text(st.characters(max_codepoint=127))
    | st.datetimes(timezones=st.just(UTC))
)  # fmt: skip
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
STORABLE = st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.lists(st.integers() | st.booleans())
STATES = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), STORABLE, min_size=1)


@given(NESTED.filter(lambda value: isinstance(value, dict)))
@example({"a": 2**64})
def test_the_stored_form_is_that_of_the_library(values: dict[str, Any]) -> None:
    """Events stored before can be read, and the library's own transcoder reads newly stored ones."""
    ours, theirs = MAPPER.transcoder, JSONTranscoder()
    theirs.register(DatetimeAsISO())
    try:
        expected = theirs.encode(values)
    except UnicodeEncodeError:  # a lone surrogate cannot be stored
        return
    assert ours.encode(values) == expected
    assert theirs.decode(ours.encode(values)) == values


def stored(states: list[dict[str, Any]]) -> list[StoredEvent]:
    """Chain states as the events of one stream."""
    events, digest = [], GENESIS
    for version, state in enumerate(states, start=1):
        event, digest = link(digest, StoredEvent("order:pu", version, "order.noted", MAPPER.transcoder.encode(state)))
        events.append(event)
    return events


@given(st.lists(STATES, min_size=1, max_size=4))
def test_what_is_linked_is_whole_and_reads_as_it_was(states: list[dict[str, Any]]) -> None:
    """The digest comes first, and the rest of the event is unchanged."""
    events = stored(states)
    assert broken_link(events) is None
    for event, state in zip(events, states, strict=True):
        assert MAPPER.transcoder.decode(event.state) == {"digest": digest_of(event), **state}


@given(st.lists(STATES, min_size=1, max_size=4), st.data())
def test_whichever_byte_is_edited_shows(states: list[dict[str, Any]], data: st.DataObject) -> None:
    """Each byte of each event is covered, its digest too; the first edited event is named."""
    events = stored(states)
    index = data.draw(st.integers(0, len(events) - 1))
    state = bytearray(events[index].state)
    place = data.draw(st.integers(0, len(state) - 1))
    state[place] ^= data.draw(st.integers(1, 255))
    events[index] = replace(events[index], state=bytes(state))
    assert broken_link(events) == index + 1
