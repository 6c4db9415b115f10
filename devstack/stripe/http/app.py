"""The emulator's web application."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from devstack.stripe.core.calls import public_view
from devstack.stripe.core.errors import ApiError
from devstack.stripe.core.store import Store
from devstack.stripe.http.engine import ApiRequest, ApiResponse, Engine
from devstack.stripe.http.switches import PREFIX, switchboard
from devstack.stripe.webhooks.deliveries import WebhookSender

RETRY_SECONDS = 1.0
CALLS_KEPT_MAX = 10_000
PAY_PATH = "/pay"
PAY_PAGE = (Path(__file__).parent / "pay.html").read_text()


class HangUp(Response):
    """Closes the connection without a response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Close the socket below: ASGI has no message for it, uvicorn's request cycle holds the transport."""
        receive.__self__.transport.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0)


def create_app(state: Path, platform_secret: str | None = None, retry_seconds: float = RETRY_SECONDS) -> Starlette:
    """Build the application on one state file; it sends webhooks while it runs."""
    store = Store(state)
    engine = Engine(store, platform_secret)
    calls: deque[str] = deque(maxlen=CALLS_KEPT_MAX)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sender = asyncio.create_task(WebhookSender(store, retry_seconds).run())
        yield
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender
        store.close()

    async def latest_calls(_: Request) -> Response:
        """Return the latest API calls, each as method, path and Idempotency-Key."""
        return JSONResponse(list(calls))

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - what it is registered for
        return JSONResponse(public_view(error.body()), error.status)

    async def health(_: Request) -> Response:
        store.db.execute("SELECT 1")
        return JSONResponse({"status": "ok"})

    async def pay(_: Request) -> Response:
        """Return the buyer's page, which takes its intent from the fragment of its address."""
        return HTMLResponse(PAY_PAGE)

    async def api(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        calls.append(f"{request.method} {request.url.path} {request.headers.get('idempotency-key', '')}".rstrip())
        text = "&".join(part for part in (request.url.query, body) if part)
        return _response(await engine.answer(ApiRequest(request.method, request.url.path, text, request.headers)))

    return Starlette(
        routes=[
            Mount(PREFIX, routes=[Route("/calls", latest_calls), *switchboard(store)]),
            Route("/health", health),
            Route(PAY_PATH, pay),
            Route("/{path:path}", api, methods=["GET", "POST", "DELETE"]),
        ],
        # The buyer's page confirms from another origin, as with the real Stripe.
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])],
        exception_handlers={ApiError: refused},
        lifespan=lifespan,
    )


def _response(answer: ApiResponse) -> Response:
    if answer.hang_up:
        return HangUp()
    return Response(answer.body, answer.status, dict(answer.headers), "application/json")
