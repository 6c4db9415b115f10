"""The text that a digest is taken of, and the stored form of events: whichever encoder writes them, it is the same."""

import json
from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.event_store.recorder import event_mapper
from domain.core.aggregate import canonical

PLAIN = (
    st.none() | st.booleans() | st.integers() | st.text() | st.text(st.characters(max_codepoint=127))
    | st.datetimes(timezones=st.just(UTC))
)  # fmt: skip
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
VALUES = st.dictionaries(st.text(), NESTED | st.floats(allow_nan=False))


def _plain(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


@given(VALUES)
@example({"a": "\x7f"})
@example({"rate": 1e16})
@example({"a": 2**64})
@example({"a": "\ud800"})
def test_the_canonical_text_is_that_of_the_library(values: dict[str, Any]) -> None:
    """Keys in order, ASCII only, no spaces: as Python's own encoder writes it."""
    assert canonical(values) == json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain)


@given(NESTED.filter(lambda value: isinstance(value, dict)))
@example({"a": 2**64})
def test_the_stored_form_is_that_of_the_library(values: dict[str, Any]) -> None:
    """What was stored before is read, and what is stored is read by the library's own transcoder."""
    ours, theirs = event_mapper().transcoder, JSONTranscoder()
    theirs.register(DatetimeAsISO())
    try:
        expected = theirs.encode(values)
    except UnicodeEncodeError:  # a lone surrogate can be stored in no form
        return
    assert ours.encode(values) == expected
    assert theirs.decode(ours.encode(values)) == values
