"""The time limit of reads: it ends at the beginning of the answer, and other methods have none."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from api.http.limits.declared import LimitTable
from api.http.limits.read_time import TimeLimit
from api.terms import Limits
from domain.money.money import FeeRates

LIMIT_SECONDS = 0.1


async def slow() -> dict[str, str]:
    await asyncio.sleep(3 * LIMIT_SECONDS)
    return {}


async def late() -> dict[str, str]:
    try:
        return await slow()
    except asyncio.CancelledError:
        return {"answered": "at the last moment"}


async def parts() -> AsyncIterator[str]:
    for _ in range(4):
        yield "part;"
        await asyncio.sleep(LIMIT_SECONDS)


async def stream() -> StreamingResponse:
    return StreamingResponse(parts())


async def fault() -> None:
    raise TimeoutError


def app_with(limit_seconds: float | None) -> FastAPI:
    """Return an app with slow routes, and with the limit unless it is None."""
    app = FastAPI()
    if limit_seconds is not None:
        limits = Limits(hold_seconds=1, hold_seconds_max=1, rates=FeeRates(), read_seconds=limit_seconds)
        app.add_middleware(TimeLimit, limits=LimitTable(app.routes, limits))
    app.add_api_route("/slow", slow, methods=["GET", "HEAD", "POST"])
    for endpoint in (late, stream, fault):
        app.add_api_route(f"/{endpoint.__name__}", endpoint, response_model=None)
    return app


async def ask(method: str, path: str, limit_seconds: float | None = LIMIT_SECONDS) -> httpx.Response:
    transport = httpx.ASGITransport(app_with(limit_seconds), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://boxoffice") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "limit_seconds", "status"),
    [("GET", LIMIT_SECONDS, 503), ("HEAD", LIMIT_SECONDS, 503), ("POST", LIMIT_SECONDS, 200), ("GET", None, 200)],
)
async def test_a_slow_read_is_503(method: str, limit_seconds: float | None, status: int) -> None:
    """Without the limit it takes as long as it takes; a change is not cut off."""
    answer = await ask(method, "/slow", limit_seconds)
    assert answer.status_code == status
    if (method, status) == ("GET", 503):
        assert answer.json()["type"] == "urn:boxoffice:problem:try-again"
        assert answer.headers["Retry-After"]


async def test_an_answer_that_has_begun_takes_its_time() -> None:
    """A stream may last longer than the limit."""
    assert (await ask("GET", "/stream")).text == "part;" * 4


async def test_an_answer_at_the_moment_of_the_limit_is_one_answer() -> None:
    """A cancellation that arrived and was turned into an answer does not answer again."""
    answer = await ask("GET", "/late")
    assert (answer.status_code, answer.json()) == (200, {"answered": "at the last moment"})


async def test_the_routes_own_timeout_is_its_own_fault() -> None:
    """It is not hidden behind a 503."""
    assert (await ask("GET", "/fault")).status_code == 500
