"""The access log: one line of JSON for each request, without secrets, personal data or anything else a client wrote."""

import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.about_request import begin_request, end_request

log = logging.getLogger("boxoffice.access")
HEADER = b"x-request-id"
WELL_FORMED = re.compile(rb"[A-Za-z0-9_\-]{8,64}")
DISCONNECTED = 499  # no answer was begun: as nginx logs it
REQUESTS = Counter("boxoffice_requests", "HTTP requests by route, method and status", ("route", "method", "status"))
REQUEST_SECONDS = Histogram(
    "boxoffice_request_seconds",
    "Time until an HTTP request is answered, by route",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
NO_ROUTE = "none"  # paths that do not exist share one label
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


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
        status, began, request = DISCONNECTED, time.monotonic(), begin_request(request_id)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            seconds, route = time.monotonic() - began, getattr(scope.get("route"), "path", None)
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(route or NO_ROUTE, method, status).inc()
            REQUEST_SECONDS.labels(route or NO_ROUTE).observe(seconds)
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "level": "info",
                "request_id": request_id,
                "purchase_id": request.purchase_id,
                "trace_id": end_request(request, method, route, status),
                "subject": state.get("subject_id"),
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1_000, 1),
            }
            log.info(orjson.dumps(line).decode())


def _given_id(scope: Scope) -> str | None:
    """Return the id that the client or a proxy gave, if there is exactly one and it is well-formed."""
    given = [value for name, value in scope["headers"] if name == HEADER]
    return given[0].decode() if len(given) == 1 and WELL_FORMED.fullmatch(given[0]) else None


def access_log_to(handler: logging.Handler) -> None:
    """Write the lines to one handler as they are, apart from all other logs."""
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False
