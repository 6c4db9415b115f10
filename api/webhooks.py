"""Webhooks: verified, stored once, and passed on as a hint to look again."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from api.ports import Parts
from api.requests import With
from domain.hint import Hint

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
    if hint.type == TAKEN and await _is_taking(hint.purchase_id, parts):
        return True
    return await parts.engine.look_again(hint.purchase_id) is True


async def _is_taking(purchase_id: str, parts: Parts) -> bool:
    """Say whether a purchase takes its money itself: it waits for no news, and a task of the engine is saved."""
    standing = await parts.door.look(purchase_id)
    return standing is not None and standing.state in TAKING
