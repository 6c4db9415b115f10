"""Rounds that Temporal starts at an interval and that never overlap."""

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
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.core.task_queues import PURCHASES
from workflows.core.search_attributes import ShownAs


async def ensure_rounds(
    client: Client, schedule_id: str, every_seconds: float, start: tuple[Any, Any], shown: ShownAs
) -> None:
    """Create or update a schedule; `start` is the workflow of a round and its input, `shown` how operators find it."""
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

    def change(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id).update(change)
