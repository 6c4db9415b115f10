"""A load generator: keep-alive connections that send one prepared request after another, and count the answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

BODY = b'{"show_id":"sh_bench","items":[{"ticket_type_id":"tt_bench","quantity":1}]}'


@dataclass(frozen=True)
class Load:
    """Where requests go, over how many connections, and what they carry; each has an Idempotency-Key of its own."""

    host: str
    port: int
    connections: int
    path: str = "/api/v1/purchases"
    body: bytes = BODY
    keys: Iterator[int] = field(default_factory=count)
    prefix: str = "bench"


@dataclass
class Answers:
    """How many answers of each status came, how long each took, and in which time."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.statuses.total() / self.seconds


def run(load: Load, seconds: float = 0.0, requests: int = 0) -> Answers:
    """Send for some time, or a number of requests."""
    return asyncio.run(_run(load, seconds, requests))


async def _run(load: Load, seconds: float, requests: int) -> Answers:
    answers = Answers()
    left = iter(range(requests)) if requests else count()
    began = time.perf_counter()
    until = began + seconds if seconds else float("inf")
    async with asyncio.TaskGroup() as group:
        for _ in range(load.connections):
            group.create_task(_client(load, until, left, answers))
    answers.seconds = time.perf_counter() - began
    return answers


async def _client(load: Load, until: float, left: Iterator[int], answers: Answers) -> None:
    reader, writer = await asyncio.open_connection(load.host, load.port)
    try:
        while (sent := time.perf_counter()) < until and next(left, None) is not None:
            writer.write(_request(load))
            answers.statuses[await _status(reader)] += 1
            answers.latencies.append(time.perf_counter() - sent)
    finally:
        writer.close()
        await writer.wait_closed()


def _request(load: Load) -> bytes:
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {load.prefix}-{next(load.keys)}\r\nContent-Length: {len(load.body)}\r\n\r\n"
    )
    return head.encode() + load.body


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end and return its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
