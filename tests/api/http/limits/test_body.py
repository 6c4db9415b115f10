"""A body that is too long or too slow is refused before anything parses it, on every route."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import httpx
import psutil
import pytest

from api.terms import BodyLimits
from tests.api.http.served import HOST
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over
from tests.fakes.shop_world import ApiWorld

PURCHASES = "/api/v1/purchases"
JSON = {"Authorization": f"Bearer {EVERY_SCOPE}", "Idempotency-Key": "k", "content-type": "application/json"}
BYTES_MAX = BodyLimits().bytes_max
DEADLINE_SECONDS = 30.0
START_SECONDS_MAX = 120.0
ROUTES = [PURCHASES, "/api/v1/venues", "/internal/tickets/reserve", "/webhooks/stripe"]


def limited(**limits: Any) -> ApiWorld:
    world = ApiWorld()
    world.limits = replace(world.limits, body=BodyLimits(**limits))
    return world


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_beyond_the_limit_is_413(*, is_chunked: bool) -> None:
    """Whether its length is declared or not, and on the fast path as elsewhere; nothing is recorded."""
    world = limited(bytes_max=4096, webhook_bytes_max=4096)
    async with api_client(app_over(world.deps())) as client:
        for path in ROUTES:
            content = chunks(5120) if is_chunked else b"x" * 5120
            answer = await client.post(path, content=content, headers={**JSON, "Stripe-Signature": "genuine"})
            assert code_of(answer) == (413, "payload-too-large")
    assert not world.store.log


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_within_the_limit_is_read(*, is_chunked: bool) -> None:
    """The same body passes where the limit allows it, and fails for what it says."""
    world = limited(bytes_max=5120, webhook_bytes_max=5120)
    async with api_client(app_over(world.deps())) as client:
        for path in ROUTES:
            content = chunks(5120) if is_chunked else b"x" * 5120
            answer = await client.post(path, content=content, headers=JSON)
            assert code_of(answer) in {(400, "malformed-body"), (400, "forged-webhook")}


async def test_a_webhook_has_a_limit_of_its_own() -> None:
    """Stripe's events may be longer than what buyers send."""
    world = limited(bytes_max=1024, webhook_bytes_max=8192)
    event = json.dumps({"id": "evt_1", "type": "payout.paid", "filler": "x" * 4096}).encode()
    async with api_client(app_over(world.deps())) as client:
        answer = await client.post("/webhooks/stripe", content=event, headers={"Stripe-Signature": "genuine"})
    assert answer.status_code == 200


async def test_the_declared_length_is_refused_unread() -> None:
    """Not one byte of the body is received."""

    async def receive() -> Any:
        raise AssertionError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PURCHASES, "query_string": b"", "http_version": "1.1"}
    scope["headers"] = [(b"content-length", str(BYTES_MAX + 1).encode())]
    await app_over(ApiWorld().deps())(scope, receive, send)
    assert sent[0]["status"] == 413


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served_apart() -> Iterator[tuple[int, psutil.Process]]:
    """Serve in a process of its own; yield its port and the process."""
    port = free_port()
    command = [sys.executable, "-m", "tests.api.http.served", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + START_SECONDS_MAX
            while time.monotonic() < until:
                try:
                    httpx.get(f"http://{HOST}:{port}/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield port, psutil.Process(process.pid)
        finally:
            process.kill()


@pytest.mark.slow
def test_bodies_of_refused_requests_are_not_kept() -> None:
    """After a thousand refused bodies the memory is within a fifth of that after the first few."""
    too_long, wrong = b"x" * (BYTES_MAX + 1), b'{"show_id":"' + b"x" * (BYTES_MAX - 20) + b'"}'
    with served_apart() as (port, process):
        client = HTTPConnection(HOST, port)

        def refuse(body: bytes, status: int, times: int) -> None:
            for _ in range(times):
                client.request("POST", PURCHASES, body, JSON)
                answer = client.getresponse()
                answer.read()
                assert answer.status == status

        refuse(too_long, 413, 20)
        refuse(wrong, 422, 20)
        before = process.memory_info().rss
        refuse(too_long, 413, 1_000)
        refuse(wrong, 422, 200)
        assert process.memory_info().rss < before * 1.2
        client.close()
