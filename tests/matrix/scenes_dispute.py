"""The scene of a disputed sale."""

import asyncio
import contextlib
from collections.abc import Callable

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.core.acts import RETRY_NOW
from activities.core.commands import DisputeRef
from domain.tickets.ticket import Ticket
from tests.fakes.operator import operate
from tests.matrix.stage import Stage
from workflows.dispute import DisputeWorkflow


async def won_dispute(stage: Stage, *, by_operator: bool = False, once: Callable[[], bool] = lambda: True) -> str:
    """The bank withdraws the money of a sale and returns it; meanwhile its tickets are blocked.

    A webhook event makes the workflow look, or an operator does; the bank decides `once` that holds.
    """
    world = stage.world
    purchase, intent_id = await world.ref(), await world.intent_id()
    dispute = world.gateway.dispute(intent_id)
    start = DisputeRef(purchase=purchase, dispute_id=dispute.dispute_id)
    handle = await stage.begin(f"dispute/{dispute.dispute_id}", DisputeWorkflow.run, start)
    await stage.until(lambda: any(type(event).__name__ == "DisputeOpened" for event in world.store.log))
    await stage.until(once)
    world.gateway.end_dispute(intent_id, dispute.dispute_id, won=True)
    if by_operator:
        acting = asyncio.create_task(operate(handle, RETRY_NOW, stage="disputed"))
        await stage.until(acting.done)
        try:
            await acting
        except (RPCError, WorkflowUpdateFailedError):  # it looks all the same where the record is refused
            if stage.ended is None and stage.faults.fault != "refusal":  # nor ended by force in the middle of the act
                raise
    else:
        with contextlib.suppress(RPCError):  # it was ended by force
            await handle.signal(DisputeWorkflow.look_again)
    end = await stage.end()
    tickets = [stream.partition(":")[2] for stream in world.store.streams if stream.startswith("ticket:")]
    found = await world.store.read(lambda uow: [uow.get(Ticket, ticket_id).blocked for ticket_id in tickets])
    return f"{end}, blocked" if any(found) else str(end)
