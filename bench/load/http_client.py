"""HTTP load generator: keep-alive connections that send prepared requests and count the responses."""

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
    """Target, connections, body and authorization of the requests; each request has its own Idempotency-Key."""

    host: str
    port: int
    connections: int
    path: str = "/api/v1/purchases"
    body: bytes = BODY
    keys: Iterator[int] = field(default_factory=count)
    prefix: str = "bench"
    authorization: str = ""


@dataclass
class Answers:
    """Responses by status, their latencies, and the total time."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Responses per second."""
        return self.statuses.total() / self.seconds


def run(load: Load, seconds: float = 0.0, requests: int = 0) -> Answers:
    """Send for some time, or a number of requests; raise if a connection is lost."""
    return asyncio.run(_run(load, seconds, requests))


async def _run(load: Load, seconds: float, requests: int) -> Answers:
    answers = Answers()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    share = LoadShare(
        load, began + seconds if seconds else float("inf"), iter(range(requests)) if requests else count()
    )
    clients = [Client(share, answers, loop.create_future()) for _ in range(load.connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, load.host, load.port)  # type: ignore[misc]
    await asyncio.gather(*(client.finished for client in clients))
    answers.seconds = time.perf_counter() - began
    return answers


class LoadShare(NamedTuple):
    """State shared by all connections of a load: request, end time, and remaining requests."""

    load: Load
    until: float
    left: Iterator[int]


class Client(asyncio.Protocol):
    """One connection: sends the next request on each response."""

    def __init__(self, share: LoadShare, answers: Answers, finished: asyncio.Future[None]) -> None:
        self.finished = finished
        self._shift = share
        self._answers = answers
        self._seen = b""
        self._sends_per_second = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count a response once it is complete."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length):
            return
        self._answers.statuses[int(head[9:12])] += 1
        self._answers.latencies.append(time.perf_counter() - self._sends_per_second)
        self._seen = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if the server closed the connection."""
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionResetError("the server closed a connection"))

    def _next(self) -> None:
        self._sends_per_second = time.perf_counter()
        if self._sends_per_second < self._shift.until and next(self._shift.left, None) is not None:
            self._transport.write(_request(self._shift.load))
        else:
            self.finished.set_result(None)
            self._transport.close()


def _request(load: Load) -> bytes:
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {load.prefix}-{next(load.keys)}\r\nContent-Length: {len(load.body)}\r\n"
        f"Authorization: {load.authorization}\r\n\r\n"
    )
    return head.encode() + load.body
