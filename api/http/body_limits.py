"""Limits of a request's body, in bytes and in time, enforced while it is received and before anything parses it."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, Problem, answer
from api.ports import BodyLimits

WEBHOOKS = "/webhooks/"
DISCONNECT: Message = {"type": "http.disconnect"}


class LimitedBody:
    """Answers 413 to a body that is too long, declared or chunked, and 408 to one that arrives too slowly.

    A declared length is refused unread. Once it has answered, the app sees a client that has left, and its own answer
    is dropped. The server discards the rest of the body.
    """

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits, is_webhook = self._limits, scope["path"].startswith(WEBHOOKS)
        bytes_max = limits.webhook_bytes_max if is_webhook else limits.bytes_max
        body = _Body(scope, receive, send, bytes_max, limits.seconds_max)
        if _declared(scope) > bytes_max:
            await body.refuse_length()
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request while it is received."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bytes_max: int, seconds_max: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._bytes_left, self._bytes_max, self._seconds_max = bytes_max, bytes_max, seconds_max
        self._deadline: float | None = None
        self._has_ended = self._is_refused = self._has_started = False

    async def receive(self) -> Message:
        """Receive the next part within the limits."""
        if self._has_ended:
            return DISCONNECT if self._is_refused else await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds_max
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            problem = Problem(REQUEST_TIMEOUT, f"the body did not arrive within {self._seconds_max:g} s")
            return await self._refuse(problem)
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left < 0:
            return await self.refuse_length()
        self._has_ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send the app's answer, unless the body was refused."""
        self._has_started = True
        if not self._is_refused:
            await self._send(message)

    async def refuse_length(self) -> Message:
        """Answer 413."""
        return await self._refuse(Problem(PAYLOAD_TOO_LARGE, f"a body may have at most {self._bytes_max} bytes"))

    async def _refuse(self, problem: Problem) -> Message:
        self._has_ended = self._is_refused = True
        if not self._has_started:
            await answer(problem)(self._scope, self._receive, self._send)
        return DISCONNECT


def _declared(scope: Scope) -> int:
    """Return the declared length of the body; 0 where it is chunked. The server has refused any other value."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
