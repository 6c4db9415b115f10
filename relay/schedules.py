"""Rounds that Temporal starts at an interval and that never overlap: made where they are missing, and never changed.

Operators may pause a schedule or edit it: that outlives every deploy. One that was deleted is made again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError

from activities.core.loops import each_subject, first_of
from activities.core.task_queues import PURCHASES
from domain.core.transient import TransientError
from relay.each import Each
from workflows.core.search_attributes import ShownAs

log = logging.getLogger(__name__)
KEEP_SECONDS = 30.0
Making = Callable[[], Awaitable[bool]]


async def ensure_rounds(
    client: Client, schedule_id: str, every_seconds: float, start: tuple[Any, Any], shown: ShownAs
) -> bool:
    """Create a schedule; return False, and leave it as it is, if there is one.

    `start` is the workflow of a round and its input, `shown` how operators find it.
    """
    run, given = start
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            run,
            given,
            id=schedule_id,
            task_queue=PURCHASES,
            static_summary=shown["static_summary"],
            typed_search_attributes=shown["search_attributes"],
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_seconds))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        return False
    log.info("schedule %s is made: every %g seconds", schedule_id, every_seconds)
    return True


class Schedules:
    """Makes the schedules that are missing, at the start and ever after; `makings` are theirs, by id."""

    def __init__(self, client: Client, makings: Mapping[str, Making], each: Each) -> None:
        self._client = client
        self._makings = makings
        self._each = each
        self._told: set[str] = set()

    async def make_missing(self) -> None:
        """Make the schedules that are missing, and leave the others as they are."""
        await self._each.run(self._make, self._makings.items())

    @each_subject("make schedules", first_of)
    async def _make(self, one: tuple[str, Making]) -> None:
        schedule_id, make = one
        try:
            if not await make():
                await self._tell_once(schedule_id)
        except RPCError as error:
            raise TransientError(f"schedule {schedule_id} could not be made: {error.status.name}") from error

    async def _tell_once(self, schedule_id: str) -> None:
        """Tell once that a schedule is kept as it was found: the settings no longer say how it is."""
        if schedule_id in self._told:
            return
        found = (await self._client.get_schedule_handle(schedule_id).describe()).schedule
        self._told.add(schedule_id)
        every = ", ".join(str(spec.every) for spec in found.spec.intervals)
        state = f"paused ({found.state.note or 'without a note'})" if found.state.paused else "not paused"
        log.info(
            "schedule %s is kept as it is: %s, every %s; delete it to have it made anew", schedule_id, state, every
        )
