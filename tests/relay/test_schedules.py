"""A deploy does not undo what an operator decided about a schedule; one that is missing is made again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.core.transient import TransientError
from relay.each import Each, repeat
from relay.payouts_client import SCHEDULE_ID, ensure_schedule
from relay.schedules import Making, Schedules
from tests.fakes.engines import dev_server
from tests.fakes.patience import PATIENCE_SECONDS
from tests.relay.gauge import Gauge
from workflows.payouts import TransfersInput

START = TransfersInput(delay_seconds=1, minimum_minor=1)


@pytest.fixture
async def engine() -> AsyncIterator[Client]:
    """A development server: the one that skips time has no schedules."""
    async with await dev_server() as server:
        yield server.client


def started(client: Client) -> Schedules:
    """Return the schedules of a worker that has just been started."""
    makings: dict[str, Making] = {SCHEDULE_ID: partial(ensure_schedule, client, 3600, START)}
    return Schedules(client, makings, Each(Gauge()))


async def test_what_an_operator_decided_outlives_a_deploy(engine: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Paused with a note and at another interval, it is found so after a start with other settings, and told once."""
    caplog.set_level("INFO")
    await started(engine).make_missing()
    handle = engine.get_schedule_handle(SCHEDULE_ID)

    def slower(seen: ScheduleUpdateInput) -> ScheduleUpdate:
        seen.description.schedule.spec.intervals = [ScheduleIntervalSpec(every=timedelta(hours=7))]
        return ScheduleUpdate(seen.description.schedule)

    await handle.update(slower)  # the engine takes each of these after it has answered
    await shown(handle, lambda kept: kept.spec.intervals == [ScheduleIntervalSpec(every=timedelta(hours=7))])
    await handle.pause(note="anna: the bank asked for it")
    await shown(handle, lambda kept: kept.state.paused)
    again = started(engine)
    await again.make_missing()
    await again.make_missing()
    kept = (await handle.describe()).schedule
    assert (kept.state.paused, kept.state.note) == (True, "anna: the bank asked for it")
    assert [spec.every for spec in kept.spec.intervals] == [timedelta(hours=7)]
    told = [record.getMessage() for record in caplog.records if "kept as it is" in record.getMessage()]
    assert len(told) == 1
    assert "paused (anna: the bank asked for it)" in told[0]


async def test_a_schedule_that_was_deleted_comes_back(engine: Client) -> None:
    """The worker that runs makes it again, at its next look."""
    stopping, handle = asyncio.Event(), engine.get_schedule_handle(SCHEDULE_ID)
    keeping = asyncio.create_task(repeat(started(engine).make_missing, 0.1, stopping, "making schedules"))
    for deletes in (True, False):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await is_there(engine):  # noqa: ASYNC110 - another program's state
                await asyncio.sleep(0.05)
        if deletes:
            await handle.delete()
    stopping.set()
    await keeping


async def test_an_engine_that_is_away_is_a_transient_error(engine: Client) -> None:
    """The loop sets the schedule aside, and tries it again."""

    async def away() -> bool:
        raise RPCError("no answer", RPCStatusCode.UNAVAILABLE, b"")

    schedules = Schedules(engine, {"transfers": away}, Each(Gauge()))
    with pytest.raises(TransientError, match="UNAVAILABLE"):
        await schedules._make(("transfers", away))


async def shown(handle: ScheduleHandle, is_so: Callable[[Schedule], bool]) -> None:
    """Wait until the engine shows a change."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so((await handle.describe()).schedule):  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.05)


async def is_there(engine: Client) -> bool:
    try:
        await engine.get_schedule_handle(SCHEDULE_ID).describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
