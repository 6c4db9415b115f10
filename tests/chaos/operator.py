"""An operator on a bad day: acts on workflows that run, in time and too late, right and wrong."""

import asyncio
from collections import Counter
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from activities.core.acts import ACTS
from tests.chaos.plan import WRONG, Deed
from tests.fakes.operator import LOGIN, seen_by_operator
from tests.real.shop import Shop

SECONDS_MAX = 60.0
LISTED_MAX = 300
OWN: dict[str, dict[str, Any]] = {
    "extend_hold": {"minutes": 1},
    "pay_by_hand": {"reference": "transfer of a bad day"},
}
WRONG_INPUTS: tuple[tuple[Any, ...], ...] = ((), ("",), (7,), ({}, {}), ({"operator": "Anna B"},), ({"stage": 1},))
UNANSWERED = (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError, WorkflowUpdateRPCTimeoutOrCancelledError)


class Operator:
    """Does the planned deeds; `done` counts them by act and answer."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.done: Counter[str] = Counter()

    async def do(self, deed: Deed) -> None:
        """Do one deed; whatever it is answered is counted."""
        answer = "unanswered"
        try:
            async with asyncio.timeout(SECONDS_MAX):
                answer = await self._do(await self._shop.engine(), deed)
        except WorkflowUpdateFailedError:
            answer = "refused"
        except (*UNANSWERED, TimeoutError, RuntimeError):
            answer = "unanswered"
        self.done[f"{deed.act} {answer}"] += 1

    async def _do(self, engine: Client, deed: Deed) -> str:
        listed = [run.id async for run in engine.list_workflows("ExecutionStatus = 'Running'", limit=LISTED_MAX)]
        fitting = sorted(name for name in listed if name.startswith(deed.kind))
        if not fitting:
            return "without a workflow"
        handle: WorkflowHandle[Any, Any] = engine.get_workflow_handle(fitting[int(deed.pick * len(fitting))])
        if deed.act == WRONG:
            given = WRONG_INPUTS[int(deed.pick * len(WRONG_INPUTS))]
            await handle.signal("look_again", args=list(given))
            await handle.execute_update("retry_now", args=list(given))
            return "accepted"
        kind = ACTS[deed.act]
        seen = await seen_by_operator(handle)
        act = kind.model(operator=LOGIN, reason="chaos", stage=seen.stage, **OWN.get(kind.name, {}))
        await handle.execute_update(kind.name, act)
        return "done"
