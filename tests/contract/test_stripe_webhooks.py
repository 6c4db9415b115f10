"""Webhooks from the emulator: signed, repeated, and still there after a kill."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from adapters.stripe.client import StripeClient
from adapters.stripe.undelivered_events import UndeliveredEvents
from adapters.stripe.webhook import verify_webhook
from domain.core.errors import WebhookForged
from tests.contract.stripe_emulator import SECRET, Emulator
from tests.contract.webhook_sink import Sink

FORM = {
    "amount": "2208",
    "currency": "eur",
    "metadata[purchase_id]": "pu_1",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("stripe") / "state.sqlite")
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(process: Emulator) -> Iterator[Emulator]:
    yield process
    process.client.delete("/_emulator/faults")
    for one in process.client.get("/v1/webhook_endpoints", auth=(SECRET, "")).json()["data"]:
        process.client.delete(f"/v1/webhook_endpoints/{one['id']}", auth=(SECRET, ""))


def post(emulator: Emulator, path: str, form: dict[str, str]) -> dict[str, Any]:
    answer = emulator.client.post(path, data=form, auth=(SECRET, ""))
    answer.raise_for_status()
    return dict(answer.json())


def listen(emulator: Emulator, url: str, events: str = "payment_intent.*", **more: str) -> str:
    return str(post(emulator, "/v1/webhook_endpoints", {"url": url, "enabled_events[]": events, **more})["secret"])


def types(sink: Sink) -> list[str]:
    return [json.loads(body)["type"] for _, body in sink.got]


def test_signed_and_repeated(emulator: Emulator, sink: Sink) -> None:
    """A delivery is signed, names the purchase, and is repeated with growing pauses until it is taken."""
    secret = listen(emulator, sink.url)
    sink.answers = [500, 503]
    intent = post(emulator, "/v1/payment_intents", FORM)
    got = sink.wait_for(3)
    assert len({body for _, body in got}) == 1
    event = verify_webhook(got[-1][1], got[-1][0], [secret])
    assert (event.type, event.purchase_id) == ("payment_intent.created", "pu_1")
    assert event.object_id == event.intent_id == intent["id"]
    assert len(event.digest) == 64


def test_forged(emulator: Emulator, sink: Sink) -> None:
    """Another body, another secret, an old signature, and nonsense are forged."""
    secret = listen(emulator, sink.url)
    post(emulator, "/v1/payment_intents", FORM)
    signature, body = sink.wait_for(1)[0]
    text = body.decode()
    old = stripe.WebhookSignature.generate_signature_header(text, secret, int(time.time()) - 301)
    nonsense = stripe.WebhookSignature.generate_signature_header("[1]", secret)
    forgeries = [
        (body + b" ", signature, secret),
        (body, signature, "whsec_other"),
        (body, old, secret),
        (body, "", secret),
        (b"[1]", nonsense, secret),
        (b"\xff", signature, secret),
    ]
    for payload, header, key in forgeries:
        with pytest.raises(WebhookForged):
            verify_webhook(payload, header, [key])


def test_survives_a_kill(emulator: Emulator, sink: Sink) -> None:
    """What was answered, and what is still to be delivered, is there after kill -9."""
    sink.answers = [500] * 3
    secret = listen(emulator, sink.url)
    intent = post(emulator, "/v1/payment_intents", FORM)
    sink.wait_for(1)
    emulator.kill()
    before = len(sink.got)
    sink.answers = []
    emulator.start()
    assert emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa").status_code == 200
    got = sink.wait_for(before + 2)
    seen = {verify_webhook(body, signature, [secret]).type for signature, body in got[before:]}
    assert seen == {"payment_intent.created", "payment_intent.succeeded"}


def test_webhook_faults(emulator: Emulator, sink: Sink) -> None:
    """A webhook can be lost, come twice, come late and come out of order."""
    listen(emulator, sink.url)
    emulator.fault("lost", event="payment_intent.created")
    emulator.fault("duplicate", event="payment_intent.succeeded")
    intent = post(emulator, "/v1/payment_intents", FORM)
    emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa")
    sink.wait_for(2)
    assert types(sink) == ["payment_intent.succeeded"] * 2
    sink.got.clear()
    emulator.fault("reorder", event="payment_intent.created")
    intent = post(emulator, "/v1/payment_intents", FORM)
    emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa")
    sink.wait_for(2)
    assert types(sink) == ["payment_intent.succeeded", "payment_intent.created"]
    sink.got.clear()
    emulator.fault("delay:300", event="*")
    began = time.monotonic()
    post(emulator, "/v1/payment_intents", FORM)
    sink.wait_for(1)
    assert time.monotonic() - began >= 0.3


def test_endpoints(emulator: Emulator, sink: Sink) -> None:
    """An endpoint's secret is told once; a deleted endpoint gets nothing more."""
    secret = listen(emulator, sink.url)
    listed = emulator.client.get("/v1/webhook_endpoints", auth=(SECRET, "")).json()["data"]
    assert secret.startswith("whsec_")
    assert "secret" not in listed[0]
    assert emulator.client.delete(f"/v1/webhook_endpoints/{listed[0]['id']}", auth=(SECRET, "")).json()["deleted"]
    post(emulator, "/v1/payment_intents", FORM)
    assert emulator.client.get("/_emulator/deliveries").json()["data"] == []


def test_connected_accounts(emulator: Emulator, sink: Sink) -> None:
    """What happens to a connected account goes to the endpoints made with `connect`, and to no other."""
    account = post(emulator, "/v1/accounts", {"type": "express"})["id"]
    listen(emulator, sink.url, "*", connect="true")
    post(emulator, "/v1/payment_intents", FORM)
    emulator.switch(f"accounts/{account}/onboard", state="restricted")
    sink.wait_for(1)
    event = json.loads(sink.got[0][1])
    assert (event["type"], event["account"]) == ("account.updated", account)
    listen(emulator, sink.url, "account.*")
    emulator.switch(f"accounts/{account}/onboard", state="complete")
    sink.wait_for(2)
    sent = emulator.client.get("/_emulator/deliveries").json()["data"]
    assert len(sent) == 2


async def test_what_was_not_delivered_is_listed(emulator: Emulator, sink: Sink) -> None:
    """Given up, or still to come: oldest first, of the asked time and kinds; what was taken is not told again."""
    listen(emulator, sink.url)
    emulator.client.post("/_emulator/faults", json={"event": "payment_intent.canceled", "kind": "lost"})
    intents = [post(emulator, "/v1/payment_intents", FORM)["id"] for _ in range(2)]
    for intent in intents:
        post(emulator, f"/v1/payment_intents/{intent}/cancel", {})
    sink.wait_for(3)
    client = StripeClient(SECRET, base_url=emulator.url)
    events = UndeliveredEvents(client)
    now = datetime.now(UTC)
    found = await events.undelivered(now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert [(webhook.type, webhook.intent_id, webhook.purchase_id) for webhook in found] == [
        ("payment_intent.canceled", intents[0], "pu_1")
    ]
    assert await events.undelivered(now - timedelta(minutes=2), now - timedelta(minutes=1)) == []
    await client.close()
