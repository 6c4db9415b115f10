"""The relay starts the sender of letters where there is a mail server, and not twice in a moment."""

from datetime import timedelta
from typing import Any

import pytest

from relay.each import Each
from relay.relay import LETTERS_RETRY_SECONDS, Relay
from tests.relay.gauge import Gauge
from tests.relay.test_relay import RecordedWork, RecordingEngine


@pytest.mark.parametrize("sends_letters", [True, False])
async def test_letters_are_started_where_there_is_a_mail_server(*, sends_letters: bool) -> None:
    """Once, and again after two seconds: what was due then was sent by the first one."""
    engine, stalled, now = RecordingEngine(), RecordedWork(), [0.0]
    nothing: Any = None
    relay = Relay(
        engine,
        stalled,
        stalled,
        stalled,
        nothing,
        Each(Gauge()),
        longest_extension=timedelta(),
        sends_letters=sends_letters,
        clock=lambda: now[0],
    )
    await relay.start_letters()
    await relay.start_letters()
    assert engine.calls == [("start_letters", "letters")] * sends_letters
    now[0] = LETTERS_RETRY_SECONDS
    await relay.start_letters()
    assert engine.calls == [("start_letters", "letters")] * (2 * sends_letters)
