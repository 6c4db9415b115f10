"""The relay deletes what is past, each kind by itself and by the clock that it is given."""

from datetime import UTC, datetime

from domain.core.transient import TransientError
from relay.each import Each
from relay.retention import BATCHES_MAX, Retention
from tests.relay.gauge import Clock, Gauge

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Batches:
    """Past data in batches; a batch of None is an outage."""

    def __init__(self, *batches: int | None) -> None:
        self.batches = list(batches)
        self.moments: list[datetime] = []

    async def erase(self, at: datetime) -> int:
        self.moments.append(at)
        batch = self.batches.pop(0) if self.batches else 0
        if batch is None:
            raise TransientError("PostgreSQL is away")
        return batch


def retention_of(data: Batches) -> Retention:
    return Retention({"rows": data.erase}, lambda: AT, Each(Gauge()))


async def test_a_round_ends_when_nothing_is_past() -> None:
    """Each batch is asked for the present moment."""
    data = Batches(3, 2, 0, 5, 0)
    assert await retention_of(data).erase() == 5
    assert data.moments == [AT] * 3


async def test_a_round_is_bounded() -> None:
    """The next round continues, so that other work has its turn."""
    assert await retention_of(Batches(*[1] * 99)).erase() == BATCHES_MAX


async def test_an_outage_only_delays() -> None:
    """A later round deletes what the one before could not."""
    data, clock = Batches(None, 1), Clock()
    past = Retention({"rows": data.erase}, lambda: AT, Each(Gauge(), clock))
    assert await past.erase() == 0
    clock.at += 1
    assert await past.erase() == 1
