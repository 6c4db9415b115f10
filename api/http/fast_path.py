"""A route that answers valid requests without FastAPI's request handling, for the rush of an on-sale.

FastAPI's work between matching a route and calling its endpoint costs more than a sold-out answer.
"""

from collections.abc import Callable
from inspect import get_annotations
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive, Scope, Send

from api.http.guard import GuardedRoute
from api.http.limits.rates import address_of
from api.http.problems import refusal_answer
from api.http.requests import KEY
from domain.core.errors import Refusal

JSON = b"application/json"


class FastPath(GuardedRoute):
    """A POST route whose endpoint takes `(body, key, client, deps, caller)` and returns a response.

    It is a route like any other: guarded, documented, and behind every middleware and exception handler of the app.
    FastAPI handles each request that is not plainly valid, so that every error answer is FastAPI's own, and all
    requests when the app or the route has dependencies.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._body_model: type[BaseModel] = get_annotations(endpoint, eval_str=True)["body"]

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose subject was admitted."""
        key = None if self.dependencies else _key_of(scope)
        if key is None:
            await super().respond(scope, receive, send)
            return
        received: list[Message] = []
        body = self._parsed(await _read_body(receive, received))
        if body is None:

            async def replay() -> Message:
                return received.pop(0) if received else await receive()

            await super().respond(scope, replay, send)
            return
        deps, caller = scope["app"].state.deps, scope["state"]["subject"]
        try:
            response = await self.endpoint(body, key, address_of(scope), deps, caller)
        except Refusal as refusal:  # the app's handler would answer the same, many layers further up
            response = refusal_answer(refusal)
        await response(scope, receive, send)

    def _parsed(self, body: bytes | None) -> BaseModel | None:
        """Validate a body; None when it is not plainly valid."""
        if body is None:
            return None
        try:
            return self._body_model.model_validate_json(body)
        except ValidationError:
            return None


def _key_of(scope: Scope) -> str | None:
    """Return the idempotency key of a request that can be answered directly, None of any other."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if scope["method"] != "POST" or len(headers) != len(scope["headers"]) or headers.get(b"content-type") != JSON:
        return None
    if not length.isdigit():
        return None
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    return key if KEY.fullmatch(key) else None


async def _read_body(receive: Receive, received: list[Message]) -> bytes | None:
    """Read a body to its end, and keep every message; None when the client disconnected before the end."""
    body: bytes = b""
    while True:
        message = await receive()
        received.append(message)
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body", False):
            return body
