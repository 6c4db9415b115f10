"""Webhooks: verified, stored once, and passed on as a webhook event to look again."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from api.http.requests import Deps
from api.ports import Dependencies
from domain.payments.webhook_event import WebhookEvent

TAKEN = "payment_intent.succeeded"
TAKING = {"confirming", "confirmed", "fulfilled"}
router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/stripe")
@router.post("/stripe/connect")
async def take_stripe(
    request: Request, deps: Deps, signature: Annotated[str, Header(alias="Stripe-Signature")] = ""
) -> dict[str, Any]:
    """Store a genuine event and webhook event to its purchase; the relay webhook events again when nobody heard it."""
    webhook = deps.verify(await request.body(), signature)
    fresh = await deps.inbox.store(webhook)
    if fresh and (not webhook.decides or await _heard(webhook, deps)):
        await deps.inbox.mark(webhook.event_id)
    return {"received": True, "fresh": fresh}


async def _heard(webhook: WebhookEvent, deps: Dependencies) -> bool:
    """Say whether nobody needs to be told of a webhook event any more."""
    if webhook.purchase_id is None:
        return False
    purchase_status = await deps.purchases.look(webhook.purchase_id) if webhook.is_about_money else None
    if purchase_status is not None and purchase_status.intent_id != webhook.intent_id:
        return False  # a stray payment: its purchase would not look at it
    if purchase_status is not None and webhook.type == TAKEN and purchase_status.state in TAKING:
        return True  # it takes its money itself and waits for no news: a task of the engine is saved
    return await deps.engine.look_again(webhook.purchase_id) is True
