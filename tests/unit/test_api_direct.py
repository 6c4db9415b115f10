"""The route of a rush reads its requests itself: it is documented, and answers as FastAPI would have it answer."""

from typing import Any

import httpx
import pytest

from api.app import create_app
from tests.fakes.shop_world import World

PATH = "/api/v1/purchases"

PLAIN = {"Idempotency-Key": "k", "content-type": "application/json"}


async def ask(content: bytes, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(World().parts()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://boxoffice") as client:
        return await client.post(PATH, content=content, headers=headers)


def test_the_route_is_documented_like_any_other() -> None:
    """Its body, its key and its answers stand in the API's description."""
    described: dict[str, Any] = create_app(World().parts()).openapi()["paths"][PATH]["post"]
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
    """A charset in the content type is unusual enough to go FastAPI's way: both answer the same, to the byte."""
    direct = await ask(content, PLAIN)
    ordinary = await ask(content, {**PLAIN, "content-type": "application/json; charset=utf-8"})
    assert (direct.status_code, direct.content) == (ordinary.status_code, ordinary.content)
    assert direct.headers == ordinary.headers


async def test_what_is_not_json_is_refused() -> None:
    """A body that does not say that it is JSON is not read as JSON."""
    answer = await ask(b'{"show_id":"sh_1","items":[]}', {"Idempotency-Key": "k", "content-type": "text/plain"})
    assert answer.status_code == 422
