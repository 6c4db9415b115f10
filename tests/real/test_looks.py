"""Polls of a payment that meet transient errors while the purchase's timer runs and signals arrive."""

import asyncio

import httpx
import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError, RPCStatusCode

from tests.real.shop import Shop

pytestmark = pytest.mark.real
# The engine's own: a signal arrived while the workflow was ending, so that the task is done again with it.
NEWS_AT_THE_END = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND


def is_broken(event: HistoryEvent) -> bool:
    """Whether a workflow task failed or was lost."""
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
        return event.workflow_task_failed_event_attributes.cause != NEWS_AT_THE_END
    return event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT


@pytest.mark.parametrize("kind", ["status:503", "drop_after"])
async def test_a_look_that_meets_a_transient_error_is_tried_again_beside_its_timer(shop: Shop, kind: str) -> None:
    """A local activity fails once while signals and updates arrive: no workflow task fails, and the sale is made."""
    await shop.open()
    key = f"looks-{kind}"
    handle = (await shop.engine()).get_workflow_handle(f"purchase/{shop.id_of_key('pu', key)}")
    body = (await shop.buy(key)).json()
    intent_id = body["client_secret"].partition("_secret")[0]
    rule = {"method": "GET", "path": f"/v1/payment_intents/{intent_id}", "kind": kind}
    (await shop.http.post(f"{shop.stack.urls['stripe']}/_emulator/faults", json=rule)).raise_for_status()
    assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    for number in range(8):
        try:
            await handle.signal("look_again")
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:  # it has ended since it was asked
                break
            raise
        asked = handle.execute_update("open_checkout", id=f"again-{number}")
        await asyncio.gather(asked, asyncio.sleep(0.04), return_exceptions=True)
        if (await handle.describe()).close_time is not None:
            break
    assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
    assert not [event for event in (await handle.fetch_history()).events if is_broken(event)]
    assert await shop.check_sums([body["purchase_id"]]) == {"fulfilled": 1}
