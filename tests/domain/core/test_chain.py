"""The hash chain covers the stored bytes: every edit of them is detected, and changes of the code break nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eventsourcing.persistence import StoredEvent

from domain.core.chain import GENESIS, digest_of, follows, link
from tests.fakes.samples import AT, LATER, new_allocation
from tests.fakes.stored import MAPPER, as_stored, broken_link

Edit = Callable[[StoredEvent], StoredEvent]


def chain() -> list[StoredEvent]:
    allocation = new_allocation()
    allocation.place("a", 2, LATER, "purchase", AT)
    allocation.confirm("a", AT)
    return as_stored(allocation)


def within(old: bytes, new: bytes) -> Edit:
    """Return an edit of the stored state."""
    return lambda event: replace(event, state=event.state.replace(old, new))


EDITS: list[tuple[int, Edit]] = [
    (0, within(b'"capacity":10', b'"capacity":11')),
    (0, within(b"2026-01-01T00:00:00", b"2026-01-01T00:00:01")),
    (1, within(b'"quantity":2', b'"quantity":1')),
    (1, lambda event: replace(event, originator_id="allocation:other")),
    (1, lambda event: replace(event, topic="allocation.hold-ended")),
    (1, lambda event: replace(event, originator_version=9)),
    (2, within(b'"key":"a"', b'"key": "a"')),
    (2, lambda event: replace(event, state=event.state + b" ")),
    (2, lambda event: replace(event, state=event.state.replace(digest_of(event).encode(), GENESIS.encode()))),
    (2, lambda event: replace(event, state=event.state.replace(b'"digest"', b'"Digest"'))),
    (2, lambda event: replace(event, state=b"{}")),
    (2, lambda event: replace(event, state=b"")),
]


def test_an_untouched_chain_has_no_broken_link() -> None:
    """Stored events follow from each other, the first from the genesis digest; an empty stream is not broken."""
    assert broken_link(chain()) is None
    assert broken_link([]) is None
    assert follows(GENESIS, chain()[0])


@pytest.mark.parametrize(("index", "edit"), EDITS)
def test_an_edited_event_shows(index: int, edit: Edit) -> None:
    """The version of the first event with an edited byte is returned, even if its meaning is the same."""
    events = chain()
    edited = edit(events[index])
    assert edited != events[index]
    events[index] = edited
    assert broken_link(events) == edited.originator_version


def test_an_event_edited_with_its_digest_shows_at_the_next_one() -> None:
    """A recomputed digest breaks the link of the event that follows."""
    first, *rest = chain()
    bare = replace(first, state=b"{" + first.state.partition(b'",')[2].replace(b'"capacity":10', b'"capacity":99'))
    forged, _ = link(GENESIS, bare)
    assert b'"capacity":99' in forged.state
    assert broken_link([forged, *rest]) == 2


def test_a_missing_or_moved_event_shows() -> None:
    """A removed event and two exchanged events break the chain."""
    first, second, third = chain()
    assert broken_link([first, third]) == 3
    assert broken_link([second, third]) == 2
    assert broken_link([first, third, second]) == 3


def test_the_digest_is_read_with_the_event() -> None:
    """The digest is the first field of the state, so that every reader of the state has it."""
    for stored in chain():
        assert MAPPER.event_of(stored).digest == digest_of(stored)
        assert stored.state.startswith(b'{"digest":"' + digest_of(stored).encode() + b'",')


def test_parts_never_run_into_each_other() -> None:
    """A byte moved from one part to the next gives another digest."""
    one, other = StoredEvent("order:p", 1, "u.placed", b"{}"), StoredEvent("order:pu", 1, ".placed", b"{}")
    assert link(GENESIS, one)[1] != link(GENESIS, other)[1]
