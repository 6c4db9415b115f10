"""Each alert fires at its cause, made in the product and scraped as Prometheus does; without a cause none does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.postgres.connections import Pool
from tests.contract.conftest import pool, store_server, tables_url
from tests.devstack.chain.dev_chain import DevChain
from tests.fakes.corrupted_history import Day
from tests.fakes.sample_history import sample_history
from tests.ops.causes import CAUSES, GOOD_MINUTES
from tests.ops.prometheus import ALERTS, ASKED, RATES, REST_MINUTES, Expected, Fired, holds, judged_by_promtool, minutes
from tests.ops.watched import Given, Watched, watched_process

__all__ = ["pool", "store_server", "tables_url"]
# Metrics that a process shows only once there is something to show.
SHOWN_LATER = {
    "boxoffice_needs_operator",
    "boxoffice_signatures_refused",
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    made = DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite", slot_ms=10)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(*asyncio.run(sample_history()))


@pytest.fixture
async def watched(tables_url: str, pool: Pool, chain: DevChain, day: Day) -> AsyncIterator[Watched]:
    async with watched_process(Given(tables_url, pool, chain, day)) as made:
        yield made


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.nightly
async def test_each_alert_fires_at_its_cause(alert: str, watched: Watched, tmp_path: Path) -> None:
    """It alone, or with those that the same cause fires; not before its time, and not while all is well."""
    assert alert in CAUSES, f"the alert {alert} has no cause: add one to tests/ops/causes.py"
    cause = CAUSES[alert]
    well = watched.minute()
    assert {name for name, _ in well} >= ASKED - SHOWN_LATER
    assert [one for one in ALERTS.keys() - RATES if holds(one, well)] == []
    watched.rest()
    await cause.make(watched)
    assert alert in RATES or holds(alert, watched.scrapes[-1])
    is_lived = len(watched.scrapes) > REST_MINUTES + 2  # minute by minute, and for long enough
    due = len(watched.scrapes) - 1 if is_lived else REST_MINUTES + 1 + minutes(alert)
    fired = [Fired(alert, cause.labels)]
    fired += [Fired(one, labels) for one, labels in cause.others.items() if minutes(one) <= minutes(alert)]
    expected = [Expected(REST_MINUTES, ()), Expected(due, fired)]
    expected += [Expected(REST_MINUTES + GOOD_MINUTES, ())] if is_lived else []
    watched.rest()
    try:
        assert judged_by_promtool(watched.scrapes, expected, tmp_path) == ""
    except FileNotFoundError as missing:
        pytest.skip(f"{missing}: how long {alert} lasts and its labels were NOT judged, only its comparison")


def test_every_cause_is_of_an_alert() -> None:
    """A rule that is gone leaves no cause; only rates are judged by promtool alone."""
    assert CAUSES.keys() == ALERTS.keys()
    assert {"SignatureRefused", "RequestsFail"} == RATES
