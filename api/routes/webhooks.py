"""Webhooks: verified, stored once, and passed on as a hint to look again."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from api.http.requests import With
from api.ports import Parts
from domain.payments.webhook_event import Hint

TAKEN = "payment_intent.succeeded"
TAKING = {"confirming", "confirmed", "fulfilled"}
router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/stripe")
@router.post("/stripe/connect")
async def take_stripe(
    request: Request, parts: With, signature: Annotated[str, Header(alias="Stripe-Signature")] = ""
) -> dict[str, Any]:
    """Store a genuine event and hint to its purchase; the relay hints again when nobody heard it."""
    hint = parts.verify(await request.body(), signature)
    fresh = await parts.inbox.store(hint)
    if fresh and (not hint.decides or await _heard(hint, parts)):
        await parts.inbox.mark(hint.event_id)
    return {"received": True, "fresh": fresh}


async def _heard(hint: Hint, parts: Parts) -> bool:
    """Say whether nobody needs to be told of a hint any more."""
    if hint.purchase_id is None:
        return False
    standing = await parts.door.look(hint.purchase_id) if hint.is_about_money else None
    if standing is not None and standing.intent_id != hint.intent_id:
        return False  # a stray payment: its purchase would not look at it
    if standing is not None and hint.type == TAKEN and standing.state in TAKING:
        return True  # it takes its money itself and waits for no news: a task of the engine is saved
    return await parts.engine.look_again(hint.purchase_id) is True
