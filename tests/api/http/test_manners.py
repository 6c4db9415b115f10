"""Manners of HTTP: HEAD, Allow, WWW-Authenticate, content types, and headers that keep secrets out of caches."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.manners import prefers
from tests.api.http.served import HOST, served
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over, document
from tests.fakes.shop_world import ApiWorld

PURCHASES = "/api/v1/purchases"
WANTED = {"show_id": "sh_1", "items": [{"ticket_type_id": "tt_1", "quantity": 1}]}
OPEN = {"Authorization": f"Bearer {EVERY_SCOPE}"}
KEY = {"Idempotency-Key": "k"}
ORIGIN = "https://shop.example"
IN_PATHS = {"kind": "ticket", "code": "EARLY"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (method, path with an id in it, operation) of every operation."""
    return [
        (method.upper(), path_of(path), operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def path_of(template: str) -> str:
    """Fill the parameters of a path."""
    return re.sub(r"\{(\w+)\}", lambda found: IN_PATHS.get(found[1], "id_1"), template)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """One app over an empty world, for requests that change nothing."""
    return app_over(ApiWorld().deps())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app) as client:
        yield client


async def ask(method: str, path: str, world: ApiWorld, **options: Any) -> httpx.Response:
    async with api_client(app_over(world.deps())) as client:
        return await client.request(method, path, **options)


async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient) -> None:
    """For every page, with the same status and headers."""
    for path in [path for method, path, _ in operations() if method == "GET"]:
        same = {"X-Request-Id": "the-same-request"}
        got, head = await client.get(path, headers=same), await client.head(path, headers=same)
        assert (path, head.status_code, head.content) == (path, got.status_code, b"")
        if path != "/metrics":  # its text grows with each request
            assert dict(head.headers) == dict(got.headers)


async def test_head_of_an_event_stream_ends() -> None:
    """It has the headers of the stream and none of its events; the connection serves the next request."""
    world = ApiWorld()
    url = f"http://{HOST}"
    async with served(world) as port, httpx.AsyncClient(base_url=f"{url}:{port}", headers=OPEN, timeout=20) as client:
        venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=KEY)).json()
        types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
        body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
        show = (await client.post("/api/v1/shows", json=body, headers=KEY)).json()
        await world.announce(venue["venue_id"], show["show_id"])
        items = [{"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": 1}]
        bought = await client.post(PURCHASES, json={"show_id": show["show_id"], "items": items}, headers=KEY)
        events = bought.json()["links"]["events"]
        head = await client.head(events)
        again = await client.head(events)
    assert [answer.status_code for answer in (bought, head, again)] == [201, 200, 200]
    assert head.headers["content-type"].startswith("text/event-stream")
    assert head.headers["cache-control"] == "no-store"


async def test_allow_names_every_method_of_the_path(client: httpx.AsyncClient) -> None:
    """Also of those that other routes answer; HEAD wherever GET is."""
    for path in sorted({path for _, path, _ in operations()}):
        methods = {method for method, one, _ in operations() if one == path}
        answer = await client.request("TRACE", path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())


async def test_401_says_how_to_authenticate() -> None:
    """With the scheme of the keys."""
    nobody = {"Authorization": ""}
    answer = await ask("POST", "/internal/tickets/availability", ApiWorld(), json={"show_id": "sh_1"}, headers=nobody)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="boxoffice"')


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_a_body_that_is_not_declared_as_json_is_415(client: httpx.AsyncClient, media_type: str | None) -> None:
    """On every route that reads one."""
    headers = {**KEY, **({"content-type": media_type} if media_type else {})}
    for method, path in [(method, path) for method, path, operation in operations() if "requestBody" in operation]:
        answer = await client.request(method, path, content=json.dumps(WANTED), headers=headers)
        assert (path, answer.status_code) == (path, 415)
        assert answer.json()["type"] == "urn:boxoffice:problem:unsupported-media-type"


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"])
async def test_json_by_any_of_its_names_is_read(client: httpx.AsyncClient, media_type: str) -> None:
    """The show does not exist, so the body was read."""
    answer = await client.post(PURCHASES, content=json.dumps(WANTED), headers={**KEY, "content-type": media_type})
    assert answer.json()["type"].endswith(":not-found")


async def test_no_answer_is_sniffed_and_none_with_a_secret_is_stored(client: httpx.AsyncClient) -> None:
    """Only the public pages about tokens may be stored, and not their errors."""
    for method, path, _ in operations():
        answer = await client.request(method, path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        may_store = path.startswith("/metadata/") and answer.status_code == 200
        assert (path, may_store or answer.headers["cache-control"]) == (path, may_store or "no-store")


async def test_a_failure_of_ours_is_not_stored_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is made outside the app's middleware; each header stands in it once."""
    world = ApiWorld()

    async def broken(_: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(world.reads, "venue", broken)
    answers = [await ask("GET", "/api/v1/venues/ve_1", world), await ask("GET", "/api/v1/shows/sh_1", world)]
    assert [answer.status_code for answer in answers] == [500, 404]
    for name, value in (("x-content-type-options", "nosniff"), ("cache-control", "no-store")):
        assert [answer.headers.get_list(name) for answer in answers] == [[value], [value]]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_the_documentation_may_be_stored(client: httpx.AsyncClient, path: str) -> None:
    """It has no secrets."""
    assert "cache-control" not in (await client.get(path)).headers


async def test_browsers_may_call_from_the_origins_of_the_setting() -> None:
    """A preflight of a purchase is allowed, and its answer may be read; also one that the limits refuse."""
    world = ApiWorld()
    world.limits = replace(world.limits, cors_origins=(ORIGIN,))
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    wanted = {**asked, "Access-Control-Request-Headers": "content-type, idempotency-key, authorization, purchase-token"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app_over(world.deps())), base_url="http://boxoffice", headers=OPEN
    ) as client:
        preflight = await client.options(PURCHASES, headers=wanted)
        bought = await client.post(PURCHASES, json=WANTED, headers={**KEY, "Origin": ORIGIN})
        too_long = await client.post(PURCHASES, content=b"x" * 2**17, headers={**KEY, "Origin": ORIGIN})
        other = await client.post(PURCHASES, json=WANTED, headers={**KEY, "Origin": "https://other.example"})
    assert preflight.status_code == 200
    assert (bought.status_code, too_long.status_code) == (404, 413)
    assert [answer.headers["access-control-allow-origin"] for answer in (preflight, bought, too_long)] == [ORIGIN] * 3
    assert "Retry-After" in bought.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in other.headers


async def test_without_the_setting_no_other_origin_may_call(client: httpx.AsyncClient) -> None:
    """Browsers keep to their own."""
    answer = await client.post(PURCHASES, json=WANTED, headers={**KEY, "Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", True),
        ("Text/CSV;q=0.1", True),
        ("application/json, text/csv", True),
        ("text/csv;q=0.9, application/json;q=0.8", True),
        ("text/csv; q=0.5, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0.000, */*", False),
        ("text/csv;q=often", False),
        ("text/csv-schema", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_an_accept_header_is_read_with_its_qualities(*, accept: str, expected: bool) -> None:
    """A quality of 0 says that the type is not wanted."""
    assert prefers(accept, "text/csv", "application/json") is expected


@pytest.mark.parametrize(("quality", "expected"), [("1", "text/csv"), ("0", "application/json")])
async def test_a_statement_is_csv_only_where_it_is_wanted(quality: str, expected: str) -> None:
    """`q=0` refuses it."""
    async with api_client(app_over(ApiWorld().deps())) as client:
        venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=KEY)).json()["venue_id"]
        path = f"/api/v1/venues/{venue}/statement"
        answer = await client.get(path, headers={"Accept": f"text/csv;q={quality}"})
    assert answer.headers["content-type"].partition(";")[0] == expected
