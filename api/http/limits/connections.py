"""Limits of connections, which uvicorn does not have: their number, a head's length, and the time of a request."""

import asyncio
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.problems import BUSY, REQUEST_TIMEOUT, RETRY_AFTER, Problem, answer
from api.terms import ConnectionLimits

HEAD_BYTES_MAX = 16 * 1024


class LimitedConnection(HttpToolsProtocol):
    """A connection that is refused beyond a number, and closed when a head or a body arrives too slowly.

    uvicorn waits for ever for the first request of a connection, for the rest of a head and for a body, keeps a head of
    any length, and counts connections only once a request is complete. A request that arrives in one piece costs no
    timer.
    """

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._timed: Literal["head", "body"] | None = None
        self._awaited: Literal["head", "body"] | None = "head"  # the part of a request that has not arrived in full
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time of the first head, or refuse the connection."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max:
            self._refuse(Problem(BUSY, "too many connections; retry after the given delay", headers=RETRY_AFTER))
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read, and begin or end a time."""
        if self.transport.is_closing():
            return
        if self._awaited is None:
            self._awaited = "head"  # the first bytes of the next request
        self._head_bytes += len(data)  # set to nothing where a head begins or ends in these bytes
        super().data_received(data)
        if self._awaited == "head" and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request is longer than {HEAD_BYTES_MAX} bytes.")
        self._watch()

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._awaited, self._head_bytes = "head", 0

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        super().on_headers_complete()
        self._awaited, self._head_bytes = "body", 0

    def on_message_complete(self) -> None:
        """Wait for nothing more."""
        super().on_message_complete()
        self._awaited = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        super().connection_lost(exc)
        self._end_timer()

    def _watch(self) -> None:
        """Run a timer while the rest of a head or of a body is awaited, also of a body that was answered early."""
        if self.transport.is_closing() or self._awaited is None:
            self._end_timer()
        elif self._timer is None or self._awaited is not self._timed:
            self._end_timer()
            seconds = self.limits.head_seconds if self._awaited == "head" else self.limits.body_seconds
            self._timer, self._timed = self.loop.call_later(seconds, self._is_late, seconds), self._awaited

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self, seconds: float) -> None:
        self._timer = None
        if self._awaited == "head" and (self.cycle is None or self.cycle.response_complete):
            self._refuse(Problem(REQUEST_TIMEOUT, f"the head of the request did not arrive within {seconds:g} s"))
        elif self._awaited == "body" and not self.cycle.response_started:
            self._refuse(Problem(REQUEST_TIMEOUT, f"the body of the request did not arrive within {seconds:g} s"))
        else:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answer before the app does, and close; the app sees a client that has left."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = answer(problem)
        response.headers["connection"] = "close"
        head = b"".join(b"%s: %s\r\n" % header for header in response.raw_headers)
        self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
        self.transport.close()


def limited_by(limits: ConnectionLimits) -> type[LimitedConnection]:
    """Return the protocol with these limits; uvicorn takes a class."""
    return type("ThisConnection", (LimitedConnection,), {"limits": limits})
