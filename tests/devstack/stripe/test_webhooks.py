"""Webhooks: signed, retried, kept over a kill, sent to the endpoints that subscribe."""

import json
import time

from adapters.stripe.webhook import verify_webhook
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.devstack.stripe.webhook_sink import Sink
from tests.devstack.stripe.webhooks import FORM, listen, post


def types(sink: Sink) -> list[str]:
    return [json.loads(body)["type"] for _, body in sink.got]


def test_signed_and_repeated(webhook_emulator: Emulator, sink: Sink) -> None:
    """A delivery is signed, has the purchase's id, and is retried until it is accepted."""
    secret = listen(webhook_emulator, sink.url)
    sink.answers = [500, 503]
    intent = post(webhook_emulator, "/v1/payment_intents", FORM)
    got = sink.wait_for(3)
    assert len({body for _, body in got}) == 1
    event = verify_webhook(got[-1][1], got[-1][0], [secret], "dp")
    assert (event.type, event.purchase_id) == ("payment_intent.created", "pu_1")
    assert event.object_id == event.intent_id == intent["id"]
    assert len(event.digest) == 64


def test_survives_a_kill(webhook_emulator: Emulator, sink: Sink) -> None:
    """After kill -9 objects and pending deliveries are kept."""
    sink.answers = [500] * 3
    secret = listen(webhook_emulator, sink.url)
    intent = post(webhook_emulator, "/v1/payment_intents", FORM)
    sink.wait_for(1)
    webhook_emulator.kill()
    before = len(sink.got)
    sink.answers = []
    webhook_emulator.start()
    assert webhook_emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa").status_code == 200
    got = sink.wait_for(before + 2)
    seen = {verify_webhook(body, signature, [secret], "dp").type for signature, body in got[before:]}
    assert seen == {"payment_intent.created", "payment_intent.succeeded"}


def test_webhook_faults(webhook_emulator: Emulator, sink: Sink) -> None:
    """A webhook can be lost, duplicated, delayed and reordered."""
    listen(webhook_emulator, sink.url)
    webhook_emulator.fault("lost", event="payment_intent.created")
    webhook_emulator.fault("duplicate", event="payment_intent.succeeded")
    intent = post(webhook_emulator, "/v1/payment_intents", FORM)
    webhook_emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa")
    sink.wait_for(2)
    assert types(sink) == ["payment_intent.succeeded"] * 2
    sink.got.clear()
    webhook_emulator.fault("reorder", event="payment_intent.created")
    intent = post(webhook_emulator, "/v1/payment_intents", FORM)
    webhook_emulator.confirm(intent["id"], intent["client_secret"], "pm_card_visa")
    sink.wait_for(2)
    assert types(sink) == ["payment_intent.succeeded", "payment_intent.created"]
    sink.got.clear()
    webhook_emulator.fault("delay:300", event="*")
    began = time.monotonic()
    post(webhook_emulator, "/v1/payment_intents", FORM)
    sink.wait_for(1)
    assert time.monotonic() - began >= 0.3


def test_endpoints(webhook_emulator: Emulator, sink: Sink) -> None:
    """Only creation returns an endpoint's secret; a deleted endpoint gets no more events."""
    secret = listen(webhook_emulator, sink.url)
    listed = webhook_emulator.client.get("/v1/webhook_endpoints", auth=(SECRET, "")).json()["data"]
    assert secret.startswith("whsec_")
    assert "secret" not in listed[0]
    assert webhook_emulator.client.delete(f"/v1/webhook_endpoints/{listed[0]['id']}", auth=(SECRET, "")).json()[
        "deleted"
    ]
    post(webhook_emulator, "/v1/payment_intents", FORM)
    assert webhook_emulator.client.get("/_emulator/deliveries").json()["data"] == []


def test_connected_accounts(webhook_emulator: Emulator, sink: Sink) -> None:
    """Events of connected accounts go only to endpoints created with `connect`."""
    account = post(webhook_emulator, "/v1/accounts", {"type": "express"})["id"]
    listen(webhook_emulator, sink.url, "*", connect="true")
    post(webhook_emulator, "/v1/payment_intents", FORM)
    webhook_emulator.switch(f"accounts/{account}/onboard", state="restricted")
    sink.wait_for(1)
    event = json.loads(sink.got[0][1])
    assert (event["type"], event["account"]) == ("account.updated", account)
    listen(webhook_emulator, sink.url, "account.*")
    webhook_emulator.switch(f"accounts/{account}/onboard", state="complete")
    sink.wait_for(2)
    sent = webhook_emulator.client.get("/_emulator/deliveries").json()["data"]
    assert len(sent) == 2
