"""Limits of the length of a request's body, enforced before anything reads or parses it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.limits.declared import READS, LimitTable
from api.http.problems import PAYLOAD_TOO_LARGE, Problem, answer

DISCONNECT: Message = {"type": "http.disconnect"}


class LimitedBody:
    """Answers 413 to a body that is too long: unread where its length is declared, else once it exceeds the limit.

    The server holds a client to a declared length. It discards what remains of a refused body.
    """

    def __init__(self, app: ASGIApp, limits: LimitTable) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bytes_max = self._limits.of(scope).bytes_max
        declared = _declared(scope)
        if declared is not None and declared > bytes_max:
            await _too_long(bytes_max)(scope, receive, send)
        elif declared is not None or scope["method"] in READS:
            await self._app(scope, receive, send)
        else:
            body = _Undeclared(scope, receive, send, bytes_max)
            await self._app(scope, body.receive, body.send)


class _Undeclared:
    """A body of unknown length while it is received.

    Once it is refused, the app sees a client that has left, and its own answer is dropped.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, bytes_max: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._bytes_max = self._bytes_left = bytes_max
        self._is_refused = self._has_started = False

    async def receive(self) -> Message:
        """Receive the next part within the limit."""
        if self._is_refused:
            return DISCONNECT
        message = await self._receive()
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left >= 0:
            return message
        self._is_refused = True
        if not self._has_started:
            await _too_long(self._bytes_max)(self._scope, self._receive, self._send)
        return DISCONNECT

    async def send(self, message: Message) -> None:
        """Send the app's answer, unless the body was refused."""
        self._has_started = True
        if not self._is_refused:
            await self._send(message)


def _too_long(bytes_max: int) -> ASGIApp:
    return answer(Problem(PAYLOAD_TOO_LARGE, f"a body may have at most {bytes_max} bytes"))


def _declared(scope: Scope) -> int | None:
    """Return the declared length of the body; None without one. The server has refused what is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return None
