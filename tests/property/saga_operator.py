"""The operator of a schedule: sends every act that the purchase, its refunds and its cases of late money take."""

import asyncio
from collections import Counter
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.core.acts import ACTS, FORCE_MINT, RESOLVE_CASE
from domain.tickets.ticket import Ticket
from tests.fakes.operator import LOGIN, seen_by_operator
from tests.fakes.payment_gateway import OPEN
from tests.fakes.world import SagaWorld
from tests.property.saga_schedules import ACTS_OF, NO_ACTS, Operate

SECONDS_AT_A_CALL = 0.3  # an answer may take until the workflow ends: the step goes on meanwhile
ACTS_DONE = frozenset(f"{kind}.{act}" for kind, acts in ACTS_OF.items() for act in acts) - NO_ACTS.keys()
OWN: dict[str, dict[str, Any]] = {
    "extend_hold": {"minutes": 5},
    "pay_by_hand": {"reference": "a bank transfer"},
    "resolve_case": {"evidence": "the intent is cancelled in the dashboard"},
}
UNANSWERED = (RPCError, WorkflowQueryFailedError, WorkflowUpdateFailedError)
Handle = WorkflowHandle[Any, Any]


class Operator:
    """Acts once for each of the schedule's deeds; `done` counts the acts that were carried out."""

    def __init__(self, world: SagaWorld, client: Client) -> None:
        self._world = world
        self._client = client
        self.at_work: list[asyncio.Task[None]] = []
        self.done: Counter[str] = Counter()

    async def begin(self, deed: Operate, workflow_id: str) -> None:
        """Send an act, and wait a moment for its answer."""
        task = asyncio.create_task(self._do(deed, self._client.get_workflow_handle(workflow_id)))
        self.at_work.append(task)
        await asyncio.wait([task], timeout=SECONDS_AT_A_CALL)

    async def _do(self, deed: Operate, handle: Handle) -> None:
        if deed.act == RESOLVE_CASE.name and not self._no_money_can_come():
            return
        kind = ACTS[deed.act]
        try:
            stage = (await seen_by_operator(handle)).stage
            own = {"ticket_id": self._ticket()} if kind is FORCE_MINT else OWN.get(kind.name, {})
            act = kind.model(operator=LOGIN, reason="a schedule wants it", stage=stage, **own)
            await handle.execute_update(kind.name, act)
        except UNANSWERED:
            return
        self.done[f"{deed.on}.{deed.act}"] += 1

    def _no_money_can_come(self) -> bool:
        """Cancel the open payments in the dashboard; False if there is none, or one of them may bring money."""
        intents = self._world.gateway.intents
        if {one.status for one in intents.values()} - {*OPEN, "canceled"} or not intents:
            return False
        for intent_id in list(intents):
            self._world.gateway.cancel_in_dashboard(intent_id)
        return True

    def _ticket(self) -> str:
        """Return a ticket without a token; any if there is none."""
        store = self._world.store
        tickets = [store.load(stream) for stream in store.streams if stream.startswith("ticket:")]
        found = [one for one in tickets if isinstance(one, Ticket)]
        return min(found, key=lambda one: bool(one.mint_address)).identity
