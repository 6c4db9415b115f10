"""Every route has limits, as its endpoint declares them or by default, and each is enforced on every route as declared.

The routes are those of the app: a new one is tried without a line here.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.postgres.rate_limits import MemoryCounters
from api.app import serve
from api.http.guard import guarded_router, needs, public
from api.http.limits.declared import DEFAULT, READS, Effective, LimitTable, declarations, limited, limits_of
from api.http.limits.rates import RateLimits, Rates
from api.terms import BodyLimits
from tests.fakes.api_client import api_client, app_over, routed, unserved_app
from tests.fakes.shop_world import ApiWorld

UNCOUNTED = {"read_liveness"}  # it asks nobody: the counters may be in a database that is away
BODY = BodyLimits(bytes_max=1024, webhook_bytes_max=2048)
FEW = Rates(subject=1, address=1, health=2, webhook=3)
ALLOWED = {"api": FEW.address, "health": FEW.health, "webhook": FEW.webhook}
READ_SECONDS = 0.02

# (method, path, what the endpoint declares) of each route, the pages of the documentation included
ROUTES = [
    (method, re.sub(r"{\w+}", "x_1", path), endpoint)
    for method, path, endpoint in declarations(routed().routes)
    if method != "HEAD"
]


def bytes_max_of(endpoint: Callable[..., Any]) -> int:
    return {"request": BODY.bytes_max, "webhook": BODY.webhook_bytes_max}[limits_of(endpoint).body]


def world_with(**limits: Any) -> ApiWorld:
    world = ApiWorld()
    world.limits = replace(world.limits, body=BODY, **limits)
    return world


class Endless:
    """Stands in front of the routes, and answers 299 later than a read may."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(5 * READ_SECONDS)
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body"})


def test_every_route_has_limits() -> None:
    """The table has the declared ones by the path of a request: bytes, a count, and for a read a time."""
    limits = world_with().limits
    table = LimitTable(routed().routes, limits)
    for method, path, endpoint in ROUTES:
        found, declared = table.of({"method": method, "path": path}), limits_of(endpoint)
        assert found.bytes_max == bytes_max_of(endpoint), path
        assert found.rate == declared.rate, path
        assert (found.rate is None) == (endpoint.__name__ in UNCOUNTED), path
        assert (found.seconds is not None) == (method in READS), path
        assert found.seconds is None or 0 < found.seconds <= limits.read_seconds, path


async def test_a_body_beyond_the_limit_of_its_route_is_413() -> None:
    """One byte less passes the limit, on every route."""
    async with api_client(app_over(world_with().deps())) as client:
        for method, path, endpoint in ROUTES:
            over, within = [
                await client.request(method, path, content=b"x" * length)
                for length in (bytes_max_of(endpoint) + 1, bytes_max_of(endpoint))
            ]
            assert over.status_code == 413, path
            assert within.status_code != 413, path


async def test_beyond_the_count_of_its_route_a_request_is_429() -> None:
    """An address without a key has as many requests as the class of the route says."""
    world = world_with()
    for method, path, endpoint in ROUTES:
        world.check_rate = RateLimits(MemoryCounters(), FEW).check
        async with api_client(app_over(world.deps()), key="") as client:
            rate = limits_of(endpoint).rate
            times = ALLOWED[rate] if rate is not None else max(ALLOWED.values())
            statuses = [(await client.request(method, path)).status_code for _ in range(times + 1)]
            assert 429 not in statuses[:times], path
            assert (statuses[times] == 429) == (rate is not None), path


async def test_a_read_beyond_its_time_is_503() -> None:
    """A change is not cut off: it ends its own waits."""
    app = unserved_app()
    app.add_middleware(Endless)
    serve(app, world_with(read_seconds=READ_SECONDS).deps())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://boxoffice") as client:
        found = await asyncio.gather(*(client.request(method, path) for method, path, _ in ROUTES))
    for (method, path, _), answer in zip(ROUTES, found, strict=True):
        assert answer.status_code == (503 if method in READS else 299), path


async def test_a_path_without_a_route_has_the_default_limits() -> None:
    """Nobody gets the limits of a webhook by a path that looks like one, or by another method."""
    table = LimitTable(routed().routes, world_with().limits)
    for method, path in (("POST", "/webhooks/other"), ("PUT", "/webhooks/stripe"), ("POST", "/health/live")):
        assert table.of({"method": method, "path": path}) == Effective(BODY.bytes_max, "api", None)


def test_the_first_route_that_matches_gives_the_limits() -> None:
    """As it answers the request; a fixed path behind a pattern is never reached."""
    router = APIRouter()

    @limited(rate="health")
    async def any_of_them() -> None: ...

    @limited(body="webhook")
    async def one() -> None: ...

    router.add_api_route("/shows/{show_id}", any_of_them, methods=["POST"])
    router.add_api_route("/shows/one", one, methods=["POST", "PUT"])
    table = LimitTable(router.routes, world_with().limits)
    assert table.of({"method": "POST", "path": "/shows/one"}) == Effective(BODY.bytes_max, "health", None)
    assert table.of({"method": "PUT", "path": "/shows/one"}) == Effective(BODY.webhook_bytes_max, "api", None)


def test_a_declaration_without_sense_is_refused() -> None:
    """A route that asks for a key is counted; a change is not cut off."""

    async def endpoint() -> None: ...

    router = guarded_router()
    with pytest.raises(TypeError, match="must be counted"):
        router.get("/new")(needs("door")(limited(rate=None)(endpoint)))
    with pytest.raises(TypeError, match="could not tell what happened"):
        router.post("/new")(public(limited(seconds=1.0)(endpoint)))


def test_the_routes_are_those_of_the_app() -> None:
    """None is left out of the walk; most need no declaration."""
    apart = {endpoint.__name__ for _, _, endpoint in ROUTES if limits_of(endpoint) != DEFAULT}
    assert len(ROUTES) > 50
    assert apart == UNCOUNTED | {
        "read_health",
        "read_readiness",
        "read_metrics",
        "receive_stripe_event",
        "receive_stripe_connect_event",
    }
