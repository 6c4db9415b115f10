"""Limits of connections, which uvicorn does not have: their number, and the time until a request's head arrived."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.http.problems import BUSY, REQUEST_TIMEOUT, RETRY_AFTER, Problem, answer
from api.ports import ConnectionLimits

HEAD_BYTES_MAX = 16 * 1024


class LimitedConnection(H11Protocol):
    """A connection that is refused beyond a number, and closed when a request's head arrives too slowly.

    uvicorn waits for ever for the first request of a connection and for the rest of a head, and counts connections
    only once a request is complete. The rest of a body that was answered early has the same time.
    """

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time of the first head, or refuse the connection."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max:
            self._refuse(Problem(BUSY, "too many connections; retry after the given delay", headers=RETRY_AFTER))
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read, and begin or end the time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        super().connection_lost(exc)
        self._end_timer()

    def _watch(self) -> None:
        """Run the timer while bytes of a head, or of a body that nobody reads, are awaited."""
        is_unread = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if self.transport.is_closing() or not (self.conn.their_state is h11.IDLE or is_unread):
            self._end_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.limits.head_seconds, self._is_late)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._timer = None
        if self.conn.their_state is h11.IDLE:
            late = f"the head of the request did not arrive within {self.limits.head_seconds:g} s"
            self._refuse(Problem(REQUEST_TIMEOUT, late))
        else:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answer before the request, and close."""
        response = answer(problem)
        response.headers["connection"] = "close"
        head = h11.Response(status_code=response.status_code, headers=response.raw_headers)
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage(), h11.ConnectionClosed()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def limited_by(limits: ConnectionLimits) -> type[LimitedConnection]:
    """Return the protocol with these limits; uvicorn takes a class."""
    return type("ThisConnection", (LimitedConnection,), {"limits": limits})
