"""Webhooks: verify, store once, and signal the purchase to read its payment."""

from typing import Annotated

from fastapi import Header, Request
from typing_extensions import TypedDict

from api.http.about_request import note_purchase
from api.http.guard import guarded_router, signed
from api.http.limits.declared import limited
from api.http.problems import INCOMPLETE_BODY, may_answer
from api.http.requests import Deps
from api.ports import Dependencies
from domain.core.errors import WebhookForged
from domain.payments.webhook_event import Handler, WebhookEvent

TAKEN = "payment_intent.succeeded"
TAKING = {"confirming", "confirmed", "fulfilled"}
router = guarded_router(prefix="/webhooks", tags=["webhooks"])


Signature = Annotated[
    str,
    Header(
        alias="Stripe-Signature",
        description="Stripe's signature of the body.",
        examples=["t=1767225600,v1=5257a869e7ec"],
    ),
]


class WebhookAnswer(TypedDict):
    """The event was received; `fresh` is false when it had been received before.

    `handled_by` is the kind of work that it causes, null when it is stored and nothing acts on it.
    """

    received: bool
    fresh: bool
    handled_by: Handler | None


POSSIBLE = may_answer(WebhookForged, INCOMPLETE_BODY)


@router.post("/stripe", operation_id="receive_stripe_event", openapi_extra=POSSIBLE)
@signed
@limited(body="webhook", rate="webhook")
async def receive_stripe_event(request: Request, deps: Deps, signature: Signature = "") -> WebhookAnswer:
    """Verify and store an event of Stripe, then signal its purchase; the relay repeats an undelivered signal."""
    return await _receive(deps.verify(await request.body(), signature), deps)


@router.post("/stripe/connect", operation_id="receive_stripe_connect_event", openapi_extra=POSSIBLE)
@signed
@limited(body="webhook", rate="webhook")
async def receive_stripe_connect_event(request: Request, deps: Deps, signature: Signature = "") -> WebhookAnswer:
    """Verify and store an event of a venue's account; the relay acts on it."""
    return await _receive(deps.verify_connect(await request.body(), signature), deps)


async def _receive(webhook: WebhookEvent, deps: Dependencies) -> WebhookAnswer:
    if webhook.purchase_id is not None:
        note_purchase(webhook.purchase_id)
    fresh = await deps.inbox.store(webhook)
    if fresh and (webhook.handled_by is None or await _is_settled(webhook, deps)):
        await deps.inbox.mark(webhook.event_id)
    return {"received": True, "fresh": fresh, "handled_by": webhook.handled_by}


async def _is_settled(webhook: WebhookEvent, deps: Dependencies) -> bool:
    """Return whether the event needs no further signal."""
    if webhook.purchase_id is None:
        return False
    purchase_status = await deps.purchases.look(webhook.purchase_id) if webhook.is_about_money else None
    if purchase_status is not None and purchase_status.intent_id != webhook.intent_id:
        return False  # a stray payment: its purchase would not read it
    if purchase_status is not None and webhook.type == TAKEN and purchase_status.state in TAKING:
        return True  # it captures by itself and awaits no signal: saves a workflow task
    return await deps.engine.look_again(webhook.purchase_id) is True
