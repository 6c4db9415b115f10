"""The fast path reads its requests itself, is documented, and answers as FastAPI would."""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from activities.core.ports import Committed
from api.http.fast_path import FastPath
from api.routes.purchases import PATH, buy
from domain.core.unit_of_work import UnitOfWork
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over, routed
from tests.fakes.event_store import FakeEventStore
from tests.fakes.shop_world import ApiWorld

T = TypeVar("T")

PLAIN = {
    "Authorization": f"Bearer {EVERY_SCOPE}",
    "Idempotency-Key": "k",
    "content-type": "application/json",
    "X-Request-Id": "the-same-request",
}
ORDINARY = {**PLAIN, "content-type": "application/json; charset=utf-8"}


PLAINLY_GOOD = b'{"show_id":"sh_1","items":[{"ticket_type_id":"tt_1","quantity":1}]}'


def at(world: ApiWorld, *, raising: bool = False) -> httpx.AsyncClient:
    return api_client(app_over(world.deps()), raise_app_exceptions=raising)


async def ask(content: bytes, headers: dict[str, str]) -> httpx.Response:
    async with at(ApiWorld()) as client:
        return await client.post(PATH, content=content, headers=headers)


def test_the_route_is_documented_like_any_other() -> None:
    """Its body, its key and its answers are in the OpenAPI document."""
    described: dict[str, Any] = routed().openapi()["paths"][PATH]["post"]
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/PurchaseBody"}
    assert [one["name"] for one in described["parameters"]] == ["Idempotency-Key"]
    assert "201" in described["responses"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"show_id":"sh_1","items":[{"ticket_type_id":"tt_1","quantity":1}]}',
        b'{"show_id":"sh_1","items":[{"ticket_type_id":"tt_1","quantity":1.0}]}',
        b'{"show_id":"sh_1","items":[{"ticket_type_id":"tt_1","quantity":NaN}]}',
        b'{"show_id":"sh_1","items":[]}',
        b'{"show_id":1}',
        b'{"show_id":"sh_1","show_id":"sh_2","items":[{"ticket_type_id":"tt_1","quantity":1}]}',
        b"[]",
        b"null",
        b"",
        b"{",
        b'"\\ud800"',
        b"\xff",
    ],
)
async def test_it_answers_as_the_ordinary_way_does(content: bytes) -> None:
    """FastAPI handles a content type with a charset: both answers are the same, to the byte."""
    direct = await ask(content, PLAIN)
    ordinary = await ask(content, ORDINARY)
    assert (direct.status_code, direct.content) == (ordinary.status_code, ordinary.content)
    assert direct.headers == ordinary.headers


async def test_what_is_not_json_is_refused() -> None:
    """A body without JSON's content type is not read as JSON."""
    answer = await ask(b'{"show_id":"sh_1","items":[]}', {"Idempotency-Key": "k", "content-type": "text/plain"})
    assert answer.status_code == 415


async def in_pieces() -> AsyncIterator[bytes]:
    """A body without a length."""
    yield PLAINLY_GOOD[:10]
    yield PLAINLY_GOOD[10:]


async def test_a_body_that_comes_in_pieces_goes_the_ordinary_way() -> None:
    """FastAPI handles a body of unknown length."""
    async with at(ApiWorld()) as client:
        pieces = await client.post(PATH, content=in_pieces(), headers=PLAIN)
        whole = await client.post(PATH, content=PLAINLY_GOOD, headers=PLAIN)
    assert (pieces.status_code, pieces.content) == (whole.status_code, whole.content)


def full(world: ApiWorld) -> None:
    world.store.queue_is_full = True


def away(world: ApiWorld) -> None:
    world.store.refuse_connections = 9


class BrokenEventStore(FakeEventStore):
    """An event store with a bug."""

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        raise TypeError("a bug")


def broken(world: ApiWorld) -> None:
    world.store = BrokenEventStore(lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("spoil", "status"), [(full, 429), (away, 503), (broken, 500)])
async def test_what_goes_wrong_is_told_as_on_the_ordinary_way(spoil: Callable[[ApiWorld], None], status: int) -> None:
    """A failure has the same problem and headers on both paths."""
    answers = []
    for headers in (PLAIN, ORDINARY):
        world = ApiWorld()
        spoil(world)
        async with at(world) as client:
            answers.append(await client.post(PATH, content=PLAINLY_GOOD, headers=headers))
    direct, ordinary = answers
    assert direct.status_code == status
    assert (direct.status_code, direct.content) == (ordinary.status_code, ordinary.content)
    assert direct.headers == ordinary.headers


async def test_a_bug_reaches_the_servers_log() -> None:
    """The buyer gets a problem without details; the log gets the error."""
    world = ApiWorld()
    broken(world)
    async with at(world, raising=True) as client:
        with pytest.raises(TypeError):
            await client.post(PATH, content=PLAINLY_GOOD, headers=PLAIN)


async def test_a_client_that_leaves_in_the_middle_buys_nothing() -> None:
    """Half a body makes no purchase."""
    world, sent = ApiWorld(), list[Any]()

    async def receive() -> dict[str, Any]:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    half = {"type": "http.request", "body": PLAINLY_GOOD, "more_body": True}
    received: list[dict[str, Any]] = [half, {"type": "http.disconnect"}]
    headers = {**PLAIN, "content-length": "999"}
    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "http_version": "1.1"}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await app_over(world.deps())(scope, receive, send)
    assert sent[0]["status"] == 400
    assert not world.store.log


class RefuseAll:
    """A middleware that refuses every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=403)(scope, receive, send)


async def test_a_middleware_guards_the_fast_path_too() -> None:
    """A middleware that refuses every request refuses these too."""
    world = ApiWorld()
    app = app_over(world.deps())
    app.add_middleware(RefuseAll)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://boxoffice") as client:
        answers = [await client.post(PATH, content=PLAINLY_GOOD, headers=headers) for headers in (PLAIN, ORDINARY)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not world.store.log


async def test_a_dependency_guards_the_fast_path_too() -> None:
    """A dependency of the whole app is called for this route as for any other."""

    def refuse() -> None:
        raise HTTPException(403)

    app = FastAPI(dependencies=[Depends(refuse)])
    app.state.deps = ApiWorld().deps()
    app.router.add_api_route(PATH, buy, route_class_override=FastPath, methods=["POST"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://boxoffice") as client:
        answer = await client.post(PATH, content=PLAINLY_GOOD, headers=PLAIN)
    assert answer.status_code == 403
