"""The access log: one line of JSON for each request, without secrets, personal data or anything else a client wrote."""

import json
import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("boxoffice.access")
HEADER = b"x-request-id"
WELL_FORMED = re.compile(rb"[A-Za-z0-9_\-]{8,64}")
DISCONNECTED = 499  # no answer was begun: as nginx logs it


class AccessLog:
    """Logs each request by its route's template and gives it an id, in the answer and in `scope["state"]`.

    It is the outermost layer: the answers to bugs and to unknown paths pass it too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, then log it; a stream is logged when it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or secrets.token_hex(8)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        status, began = DISCONNECTED, time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            line = {
                "request_id": request_id,
                "subject": state.get("subject_id"),
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", None),
                "status": status,
                "milliseconds": round((time.monotonic() - began) * 1_000, 1),
            }
            log.info(json.dumps(line))


def _given_id(scope: Scope) -> str | None:
    """Return the id that the client or a proxy gave, if there is exactly one and it is well-formed."""
    given = [value for name, value in scope["headers"] if name == HEADER]
    return given[0].decode() if len(given) == 1 and WELL_FORMED.fullmatch(given[0]) else None


def access_log_to(handler: logging.Handler) -> None:
    """Write the lines to one handler as they are, apart from all other logs."""
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False
