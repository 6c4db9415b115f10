"""An app that answers one of its routes by itself: for what a rush asks, thousands of times a second.

What FastAPI and Starlette do between the server and a route costs more than the answer that a show is sold out.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive, Scope, Send

from api.http.problems import refusal_answer
from api.http.requests import KEY
from domain.core.errors import Refusal

JSON = b"application/json"
BODY_BYTES_MAX = 64 * 1024
Answering = Callable[..., Coroutine[Any, Any, Response]]


class DirectApp(FastAPI):
    """An app in which a POST route of `(body, key, deps)` can be answered directly, documented as any other.

    A request that is not plainly good goes the ordinary way, so that every complaint about one is FastAPI's own.
    """

    _path = ""

    def answer_directly(self, path: str, shape: type[BaseModel], answer_to: Answering) -> None:
        """Answer this path by this function, which is its route's, too."""
        self._path, self._shape, self._answer_to = path, shape, answer_to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        key = _key_of(scope) if scope["type"] == "http" and scope["path"] == self._path else None
        if key is None:
            await super().__call__(scope, receive, send)
            return
        heard: list[Message] = []
        asked = self._understood(await _body_of(receive, heard))
        if asked is None:

            async def again() -> Message:
                return heard.pop(0) if heard else await receive()

            await super().__call__(scope, again, send)
            return
        try:
            answer = await self._answer_to(asked, key, self.state.deps)
        except Refusal as refusal:
            answer = refusal_answer(refusal)
        except Exception as error:
            kind = next(kind for kind in type(error).__mro__ if kind in self.exception_handlers)
            told: Any = self.exception_handlers[kind]
            await (await told(Request(scope), error))(scope, receive, send)
            if kind is Exception:
                raise  # a bug: the server's log says where it is
            return
        await answer(scope, receive, send)

    def _understood(self, body: bytes | None) -> BaseModel | None:
        """Return what was asked for, None when it is not plainly good."""
        if body is None:
            return None
        try:
            return self._shape.model_validate_json(body)
        except ValidationError:
            return None


def _key_of(scope: Scope) -> str | None:
    """Return the key of a request that can be answered directly, None of any other."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if scope["method"] != "POST" or len(headers) != len(scope["headers"]) or headers.get(b"content-type") != JSON:
        return None
    if not length.isdigit() or int(length) > BODY_BYTES_MAX:
        return None
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    return key if KEY.fullmatch(key) else None


async def _body_of(receive: Receive, heard: list[Message]) -> bytes | None:
    """Read a request to its end and note all that came; None when the client left before it."""
    body: bytes = b""
    while True:
        message = await receive()
        heard.append(message)
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body", False):
            return body
