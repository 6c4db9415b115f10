"""Webhook signatures and undelivered events, as the adapters read them from the emulator."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from adapters.stripe.client import StripeClient
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.stripe.webhook import verify_webhook
from domain.core.errors import WebhookForged
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.devstack.stripe.webhook_sink import Sink
from tests.devstack.stripe.webhooks import FORM, listen, post
from tests.fakes.identity import DEPLOYMENT


def test_forged(webhook_emulator: Emulator, sink: Sink) -> None:
    """Another body, another secret, an old signature and nonsense are refused."""
    secret = listen(webhook_emulator, sink.url)
    post(webhook_emulator, "/v1/payment_intents", FORM)
    signature, body = sink.wait_for(1)[0]
    text = body.decode()
    old = stripe.WebhookSignature.generate_signature_header(text, secret, int(time.time()) - 301)
    forgeries = [
        (body + b" ", signature, secret),
        (body, signature, "whsec_other"),
        (body, old, secret),
        (body, "", secret),
        (body, "t=1,v1=\u00e9", secret),
        (b"\xff", signature, secret),
    ]
    for payload, header, key in forgeries:
        with pytest.raises(WebhookForged):
            verify_webhook(payload, header, [key], DEPLOYMENT.deployment_id)


async def test_undelivered_events_are_listed(webhook_emulator: Emulator, sink: Sink) -> None:
    """Pending and failed deliveries of the given time and kinds are listed, oldest first; delivered ones are not."""
    listen(webhook_emulator, sink.url)
    webhook_emulator.client.post("/_emulator/faults", json={"event": "payment_intent.canceled", "kind": "lost"})
    intents = [post(webhook_emulator, "/v1/payment_intents", FORM)["id"] for _ in range(2)]
    for intent in intents:
        post(webhook_emulator, f"/v1/payment_intents/{intent}/cancel", {})
    sink.wait_for(3)
    client = StripeClient(SECRET, DEPLOYMENT, base_url=webhook_emulator.url)
    events = UndeliveredEvents(client)
    now = datetime.now(UTC)
    found = await events.undelivered(now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert [(webhook.type, webhook.intent_id, webhook.purchase_id) for webhook in found] == [
        ("payment_intent.canceled", intents[0], "pu_1")
    ]
    assert await events.undelivered(now - timedelta(minutes=2), now - timedelta(minutes=1)) == []
    await client.close()
