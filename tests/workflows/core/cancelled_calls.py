"""A workflow that lets go of its own call of an activity: material for the test of the rounds."""

import asyncio

from temporalio import workflow

from activities.core.commands import HoldRef
from activities.sales.ticket_api_holds import HoldActivities
from workflows.core.activity_calls import STORE_REGULAR, ActivityCaller, OperatorAlerts


@workflow.defn(name="LetsGo")
class LetsGo:
    """Calls a step, lets go of it when it is told to, and says what it heard."""

    def __init__(self) -> None:
        self._told = False

    @workflow.signal
    def release_payment(self) -> None:
        self._told = True

    @workflow.run
    async def run(self) -> str:
        hold = HoldRef(tenant_id="default", reservation_id="re")
        call = ActivityCaller(OperatorAlerts(lambda _: None)).call(
            HoldActivities.expire_reservation, hold, STORE_REGULAR, "a step"
        )
        calling = asyncio.create_task(call)
        await workflow.wait_condition(lambda: self._told)
        calling.cancel()
        (heard,) = await asyncio.gather(calling, return_exceptions=True)
        return type(heard).__name__
