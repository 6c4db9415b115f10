"""Calls to Stripe over connections that break."""

import asyncio

import pytest

from adapters.stripe.client import StripeClient
from adapters.stripe.payments import StripePayments
from domain.core.transient import TransientError


async def test_an_answer_that_breaks_off_is_transient() -> None:
    """Head and half a body are no answer: the library names errors up to the headers only."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = StripeClient("sk_test_1", base_url=f"http://127.0.0.1:{port}")
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
