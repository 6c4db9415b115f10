"""Connections are limited in number, and in the time until a request's head has arrived."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.api.http.served import HOST, served
from tests.fakes.shop_world import ApiWorld

DEADLINE_SECONDS = 30.0
SLOW_HEADS = [b"", b"GET /hea", b"GET / HTTP/1.1\r\nhost: a\r\nx: "]
HEALTH = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await reader.read()


@pytest.mark.parametrize("head", SLOW_HEADS)
async def test_a_head_that_arrives_too_slowly_is_408(head: bytes) -> None:
    """Also one that has not begun, and one that goes on byte by byte."""
    async with served(ApiWorld(), head_seconds=0.2) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(head)
        drip = asyncio.create_task(_drip(writer if head else None))
        answer = await until_closed(reader)
        drip.cancel()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"request-timeout" in answer


async def _drip(writer: asyncio.StreamWriter | None) -> None:
    while writer is not None and not writer.is_closing():
        writer.write(b"a")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("head", SLOW_HEADS)
async def test_without_the_limit_it_waits(head: bytes) -> None:
    """The same connection stays open where the time is long."""
    async with served(ApiWorld(), head_seconds=DEADLINE_SECONDS) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(head)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read(1)
        writer.close()


async def test_the_time_begins_anew_with_each_request() -> None:
    """A connection that is kept alive for longer than the time of a head answers every request on it."""
    async with served(ApiWorld(), head_seconds=0.3) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in range(3):
            writer.write(HEALTH)
            async with asyncio.timeout(DEADLINE_SECONDS):
                assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.2)
        writer.close()


async def test_a_connection_too_many_is_429_and_closed() -> None:
    """Idle ones count; those within the number are answered, and a place that becomes free is given again."""
    async with served(ApiWorld(), connections_max=2) as port, AsyncExitStack() as closing:
        idle = [await asyncio.open_connection(HOST, port) for _ in range(2)]
        for _, writer in idle:
            closing.callback(writer.close)
        reader, writer = await asyncio.open_connection(HOST, port)
        answer = await until_closed(reader)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 2" in answer
        idle[0][1].write(HEALTH)
        assert (await idle[0][0].readline()).startswith(b"HTTP/1.1 200 ")
        idle[1][1].close()
        await asyncio.sleep(0.1)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
            assert (await client.get("/health")).status_code == 200


async def test_a_head_beyond_its_length_is_400() -> None:
    """A header of a megabyte is not kept."""
    async with served(ApiWorld()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"a" * 2**20)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_no_web_socket_is_opened() -> None:
    """There are no routes for it, and its connection would be without limits."""
    upgrade = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    upgrade += b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    async with served(ApiWorld()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(upgrade)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
