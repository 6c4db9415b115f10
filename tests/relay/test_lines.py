"""Many purchases in line: the relay leaves them to the API while the line moves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.views.purchase import StalledPurchase
from relay.each import Each
from relay.follow_ups import FollowUps
from relay.relay import BATCH_MAX, RETRY_SECONDS, STANDS_SECONDS, Relay
from settings.http import ApiSettings
from tests.relay.gauge import Clock, Gauge
from tests.relay.test_relay import QUEUED, RecordedWork, RecordingEngine


class Line(RecordedWork):
    """Purchases whose checkouts have not opened, oldest first."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.ids = [f"pu_{number:03}" for number in range(length)]

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Sequence[StalledPurchase]:
        left = [one for one in self.ids if one not in besides][:limit]
        return [{**QUEUED, "purchase_id": one} for one in left]


class World:
    """A relay, its clock and a line."""

    def __init__(self, length: int) -> None:
        self.line, self.engine, self.clock = Line(length), RecordingEngine(), Clock()
        follow_ups = FollowUps(self.engine, self.line, self.line, self.line, each := Each(Gauge()))
        self.relay = Relay(
            self.engine, self.line, self.line, self.line, follow_ups, each,
            longest_extension=timedelta(seconds=900), clock=self.clock,
        )  # fmt: skip

    async def started_after(self, seconds: float) -> int:
        """Return the number of starts in a tick that comes so much later."""
        self.clock.at += seconds
        self.engine.calls.clear()
        await self.relay.start_purchases()
        return len(self.engine.calls)


async def test_a_long_line_that_moves_is_left_to_the_api() -> None:
    """Each start would be one more call for a purchase that is opened anyway; the end of the line is started."""
    world = World(2 * BATCH_MAX)
    world.line.ids, rush = [], world.line.ids
    assert await world.started_after(0.0) == 0
    world.line.ids = rush
    assert await world.started_after(3600.0) == 0
    for _ in range(BATCH_MAX):
        assert await world.started_after(STANDS_SECONDS / 2) == 0
        del world.line.ids[:1]
    assert await world.started_after(0.5) == 0
    del world.line.ids[:1]
    assert await world.started_after(0.5) == BATCH_MAX - 1


async def test_a_long_line_that_stands_is_started() -> None:
    """Its API is gone. Those that open because they were started here are no sign of it."""
    world = World(3 * BATCH_MAX)
    for seconds in (0.0, STANDS_SECONDS / 2):
        assert await world.started_after(seconds) == 0
    for _ in range(2):
        assert await world.started_after(STANDS_SECONDS / 2) == BATCH_MAX
        del world.line.ids[:10]
    assert await world.started_after(RETRY_SECONDS / 4) == BATCH_MAX


async def test_few_are_started_at_once() -> None:
    """They wait for no line."""
    assert await World(BATCH_MAX - 1).started_after(0.0) == BATCH_MAX - 1


def test_a_line_stands_for_longer_than_the_api_waits_for_a_checkout() -> None:
    """Otherwise the relay would begin what the API has sent and waits for."""
    assert 2 * ApiSettings().temporal_timeout_seconds <= STANDS_SECONDS
