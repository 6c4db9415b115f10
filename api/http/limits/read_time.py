"""The time limit of reads: a GET begins its answer in time, or is answered 503."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.limits.declared import LimitTable
from api.http.problems import answer, unavailable
from domain.core.transient import TransientError


class TimeLimit:
    """ASGI middleware. It bounds the sum of a read's waits; an answer that has begun, such as a stream, takes its time.

    Other methods are not cut off: they end their own waits, and say by that whether something may have happened.
    """

    def __init__(self, app: ASGIApp, limits: LimitTable) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, a read with its limit."""
        seconds = self._limits.of(scope).seconds if scope["type"] == "http" else None
        if seconds is None:
            await self._app(scope, receive, send)
            return
        limit = asyncio.timeout(seconds)

        async def begin(message: Message) -> None:
            if not limit.expired():
                limit.reschedule(None)
            elif message["type"] == "http.response.start":
                await asyncio.sleep(0)  # the limit has just passed: its cancellation, if still under way, ends this
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, begin)
        except TimeoutError:
            if not limit.expired():
                raise
            problem = unavailable(TransientError("a read did not begin its answer in time"))
            await answer(problem)(scope, receive, send)
