"""Limits of connections, which uvicorn does not have: their number, and the time in which a request must arrive."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.http.problems import BUSY, REQUEST_TIMEOUT, RETRY_AFTER, Problem, answer
from api.ports import ConnectionLimits

HEAD_BYTES_MAX = 16 * 1024


class LimitedConnection(H11Protocol):
    """A connection that is refused beyond a number, and closed when a head or a body arrives too slowly.

    uvicorn waits for ever for the first request of a connection, for the rest of a head and for a body, and counts
    connections only once a request is complete. A request that arrives in one piece costs no timer.
    """

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._awaited: type[h11.IDLE | h11.SEND_BODY] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time of the first head, or refuse the connection."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max:
            self._refuse(Problem(BUSY, "too many connections; retry after the given delay", headers=RETRY_AFTER))
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read, and begin or end a time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        super().connection_lost(exc)
        self._end_timer()

    def _watch(self) -> None:
        """Run a timer while the rest of a head or of a body is awaited, also of a body that was answered early."""
        state = self.conn.their_state
        if self.transport.is_closing() or state not in {h11.IDLE, h11.SEND_BODY}:
            self._end_timer()
        elif self._timer is None or state is not self._awaited:
            self._end_timer()
            seconds = self.limits.head_seconds if state is h11.IDLE else self.limits.body_seconds
            self._timer, self._awaited = self.loop.call_later(seconds, self._is_late, seconds), state

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self, seconds: float) -> None:
        self._timer = None
        part = "head" if self.conn.their_state is h11.IDLE else "body"
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(Problem(REQUEST_TIMEOUT, f"the {part} of the request did not arrive within {seconds:g} s"))
        else:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answer before the app does, and close; the app sees a client that has left."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = answer(problem)
        response.headers["connection"] = "close"
        head = h11.Response(status_code=response.status_code, headers=response.raw_headers)
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage(), h11.ConnectionClosed()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def limited_by(limits: ConnectionLimits) -> type[LimitedConnection]:
    """Return the protocol with these limits; uvicorn takes a class."""
    return type("ThisConnection", (LimitedConnection,), {"limits": limits})
