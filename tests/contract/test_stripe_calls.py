"""Calls to Stripe over broken connections."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from adapters.stripe.client import StripeClient
from adapters.stripe.payments import StripePayments
from domain.core.transient import TransientError
from domain.payments.payment_intent import IntentRequest
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.fakes.identity import DEPLOYMENT

TRIES_MAX = 30


async def test_a_truncated_answer_is_a_transient_error() -> None:
    """The library translates errors only up to the headers; the adapter also those while the body is read."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = StripeClient("sk_test_1", DEPLOYMENT, base_url=f"http://127.0.0.1:{port}")
    gateway = StripePayments(client)
    try:
        async with server:
            with pytest.raises(TransientError) as caught:
                await gateway.cancel_intent("pi_1", "key")
            assert caught.value.unknown
            with pytest.raises(TransientError):
                await gateway.retrieve_intent("pi_1")
    finally:
        await client.close()


async def after_errors(step: Callable[[str], Awaitable[Any]], verb: str) -> Any:
    """Repeat a step as Temporal does, until it has an answer."""
    for _ in range(TRIES_MAX):
        with suppress(TransientError):
            return await step(verb)
    raise AssertionError(f"{verb} has no answer after {TRIES_MAX} tries")


@pytest.mark.parametrize("times", [1, 3, 40])
async def test_kept_server_error(api: Any, emulator: Emulator, times: int) -> None:
    """After a 500 that Stripe keeps under a key, the gateway looks for the effect and tries under the next key."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    gateway = StripePayments(client)
    purchase = f"pu_{uuid.uuid4().hex}"
    request = IntentRequest(tenant_id="default", purchase_id=purchase, amount_minor=5000, currency="usd")
    paths = {"intent": "/v1/payment_intents", "capture": "*/capture", "refund": "/v1/refunds"}
    intent = ""

    async def step(verb: str) -> Any:
        if verb == "intent":
            return await gateway.create_intent(request, f"{purchase}:intent")
        if verb == "capture":
            return await gateway.capture_intent(intent, f"{purchase}:capture")
        return await gateway.refund_intent(intent, 5000, f"{purchase}:refund")

    for verb, path in paths.items():
        emulator.fault("sticky:500", method="POST", path=path, count=times)
        done = await after_errors(step, verb)
        if verb == "intent":
            intent = done.intent_id
            emulator.confirm(intent, done.client_secret, "pm_card_visa")
        else:
            assert done.status == "succeeded"
    assert len((await api.refunds.list_async({"payment_intent": intent})).data) == 1
    await client.close()
