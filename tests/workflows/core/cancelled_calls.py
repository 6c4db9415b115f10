"""A workflow that cancels its own call of an activity, for the tests of activity calls."""

import asyncio

from temporalio import workflow

from activities.core.commands import HoldRef
from activities.sales.ticket_api_holds import HoldActivities
from workflows.core.activity_calls import STORE_REGULAR, ActivityCaller
from workflows.core.operator_status import OperatorStatus
from workflows.core.runs.long_runs import RunHistory


@workflow.defn(name="CancelsItsCall")
class CancelsItsCall:
    """Calls a step, cancels the call on a signal, and returns the name of the error."""

    def __init__(self) -> None:
        self._cancelled = False

    @workflow.signal
    def cancel_call(self) -> None:
        self._cancelled = True

    @workflow.run
    async def run(self, how: str) -> str:
        hold = HoldRef(tenant_id="default", reservation_id="re")
        caller = ActivityCaller(OperatorStatus("calling", tuple), RunHistory())
        call = caller.call if how == "call" else caller.attempt
        calling = asyncio.create_task(call(HoldActivities.expire_reservation, hold, STORE_REGULAR, "a step"))
        await workflow.wait_condition(lambda: self._cancelled)
        calling.cancel()
        (error,) = await asyncio.gather(calling, return_exceptions=True)
        return type(error).__name__
