"""Connections are limited in number, and in the time until a request's head has arrived."""

import asyncio
import contextlib
import socket
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.api.http.served import HOST, served
from tests.fakes.shop_world import ApiWorld

DEADLINE_SECONDS = 30.0
SLOW_HEADS = [b"", b"GET /hea", b"GET / HTTP/1.1\r\nhost: a\r\nx: "]
HEAD = (
    b"POST %s HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nidempotency-key: k\r\n"
    b"authorization: Bearer bo_dev_tests_every-scope\r\n"
)
HEALTH = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await reader.read()


async def answer_to(port: int, *parts: bytes, then: bytes = b"") -> bytes:
    """Send parts of a request with pauses, then bytes again and again; return everything until the server closes."""
    return await asyncio.to_thread(_answer_to, port, parts, then)


def _answer_to(port: int, parts: tuple[bytes, ...], then: bytes) -> bytes:
    answer, until = b"", time.monotonic() + DEADLINE_SECONDS
    with socket.create_connection((HOST, port), timeout=0.02) as connection, contextlib.suppress(ConnectionError):
        for part in parts:
            connection.sendall(part)
            time.sleep(0.01)
        while time.monotonic() < until:
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                connection.sendall(then)
                continue
            if not received:
                break
            answer += received
    return answer


@pytest.mark.parametrize("head", SLOW_HEADS)
async def test_a_head_that_arrives_too_slowly_is_408(head: bytes) -> None:
    """Also one that has not begun, and one that goes on byte by byte."""
    async with served(ApiWorld(), head_seconds=0.2) as port:
        answer = await answer_to(port, head, then=b"a" if head else b"")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"request-timeout" in answer


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


@pytest.mark.parametrize("path", [b"/api/v1/purchases", b"/api/v1/venues", b"/webhooks/stripe"])
async def test_a_body_that_arrives_too_slowly_is_408(path: bytes) -> None:
    """A byte now and then does not help: the time is of the whole body. Nothing is recorded."""
    world = ApiWorld()
    async with served(world, body_seconds=0.2) as port:
        answer = await answer_to(port, HEAD % path, b"content-length: 9999\r\n\r\n{", then=b" ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request-timeout" in answer
    assert (world.store.log, world.inbox.kept) == ([], {})


async def test_a_slow_body_within_its_time_is_read() -> None:
    """Byte by byte, the same way."""
    body = [bytes([byte]) for byte in b'{"name":"Hall"}']
    async with served(ApiWorld(), body_seconds=DEADLINE_SECONDS) as port:
        head = HEAD % b"/api/v1/venues" + b"connection: close\r\ncontent-length: 15\r\n\r\n"
        answer = await answer_to(port, head, *body)
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_the_rest_of_a_body_that_was_refused_has_a_time_too() -> None:
    """The answer is sent at once; a client that goes on sending is cut off."""
    async with served(ApiWorld(), body_seconds=0.2) as port:
        head = HEAD % b"/api/v1/venues" + b"content-length: 999999999\r\n\r\n"
        answer = await answer_to(port, head, then=b" " * 1024)
    assert answer.startswith(b"HTTP/1.1 413 ")


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


async def test_a_long_body_is_no_part_of_a_head() -> None:
    """The next head may begin in the bytes that end a body: only its own bytes count."""
    body = b'{"name":"' + b"a" * 60_000 + b'"}'
    first = HEAD % b"/api/v1/venues" + b"content-length: %d\r\n\r\n" % len(body)
    async with served(ApiWorld()) as port:
        answer = await answer_to(port, first + body + HEALTH[:20], HEALTH[20:-2] + b"connection: close\r\n\r\n")
    assert (answer.count(b"HTTP/1.1 422 "), answer.count(b"HTTP/1.1 200 ")) == (1, 1)


async def test_no_web_socket_is_opened() -> None:
    """There are no routes for it, and its connection would be without limits."""
    upgrade = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    upgrade += b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    async with served(ApiWorld()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(upgrade)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
