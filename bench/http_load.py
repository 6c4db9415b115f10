"""A load generator: keep-alive connections that send one prepared request after another, and count the answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, cast

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
    """Send for some time, or a number of requests; raises when a connection is lost on the way."""
    return asyncio.run(_run(load, seconds, requests))


async def _run(load: Load, seconds: float, requests: int) -> Answers:
    answers = Answers()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    shift = Shift(load, began + seconds if seconds else float("inf"), iter(range(requests)) if requests else count())
    clients = [Client(shift, answers, loop.create_future()) for _ in range(load.connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, load.host, load.port)  # type: ignore[misc]
    await asyncio.gather(*(client.over for client in clients))
    answers.seconds = time.perf_counter() - began
    return answers


class Shift(NamedTuple):
    """What all connections of one load share: what to send, until when, and how many are left."""

    load: Load
    until: float
    left: Iterator[int]


class Client(asyncio.Protocol):
    """One connection: sends the next request as soon as the last one is answered."""

    def __init__(self, shift: Shift, answers: Answers, over: asyncio.Future[None]) -> None:
        self.over = over
        self._shift = shift
        self._answers = answers
        self._seen = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._line = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count an answer once all of it is here."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or len(body) < int(_after(head.lower(), b"content-length:")):
            return
        self._answers.statuses[int(head[9:12])] += 1
        self._answers.latencies.append(time.perf_counter() - self._sent)
        self._seen = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail when that was not ours to say."""
        if not self.over.done():
            self.over.set_exception(exc or ConnectionResetError("the server closed a connection"))

    def _next(self) -> None:
        self._sent = time.perf_counter()
        if self._sent < self._shift.until and next(self._shift.left, None) is not None:
            self._line.write(_request(self._shift.load))
        else:
            self.over.set_result(None)
            self._line.close()


def _after(head: bytes, name: bytes) -> bytes:
    return head.partition(name)[2].split(b"\r\n", 1)[0]


def _request(load: Load) -> bytes:
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {load.prefix}-{next(load.keys)}\r\nContent-Length: {len(load.body)}\r\n\r\n"
    )
    return head.encode() + load.body
