"""The access log has one line for each request, and nothing of what a client wrote into it."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from api.http.access_log import AccessLog
from tests.api.routes.on_sale import PURCHASES, open_show, wanting
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over
from tests.fakes.judged import judged
from tests.fakes.shop_world import WALLET, ApiWorld

ID = "0b7e9c1e-5f1d-4a53"


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


@pytest.fixture
async def client(world: ApiWorld, caplog: pytest.LogCaptureFixture) -> AsyncIterator[httpx.AsyncClient]:
    caplog.set_level(logging.INFO)
    async with api_client(app_over(world.deps())) as client:
        yield client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "boxoffice.access"]


async def test_a_request_is_one_line_with_its_route_and_its_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The id is in the answer, too; the template stands for the path."""
    answer = await client.get(f"{PURCHASES}/pu_none?after=0")
    [line] = lines(caplog)
    assert line.pop("milliseconds") >= 0
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "info",
        "purchase_id": None,
        "trace_id": None,
        "request_id": answer.headers["X-Request-Id"],
        "subject": "default/development",
        "method": "GET",
        "route": "/api/v1/purchases/{purchase_id}",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("given", "taken"),
    [([ID], True), (["short"], False), (["x" * 65], False), (['a"b c\x7fde'], False), ([ID, ID], False)],
)
async def test_a_well_formed_id_is_taken(client: httpx.AsyncClient, given: list[str], taken: bool) -> None:  # noqa: FBT001
    """Any other is replaced, so that a client cannot write into the log."""
    answer = await client.get("/health", headers=[("X-Request-Id", one) for one in given])
    assert (answer.headers["X-Request-Id"] in given) == taken
    assert len(answer.headers["X-Request-Id"]) >= 8


async def test_unknown_paths_and_bugs_are_logged(
    client: httpx.AsyncClient, world: ApiWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that no route has is not logged as it came; a bug's line has the id of its request."""
    monkeypatch.setattr(world.reads, "purchase", None)
    answers = [await client.get(path) for path in ("/ann@example.org", f"{PURCHASES}/pu_1")]
    assert [answer.status_code for answer in answers] == [404, 500]
    assert [(line["route"], line["status"]) for line in lines(caplog)] == [
        (None, 404),
        ("/api/v1/purchases/{purchase_id}", 500),
    ]
    [bug] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert answers[1].headers["X-Request-Id"] in bug


async def test_the_subject_of_the_guard_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The guard puts it into the state of the request."""

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["subject_id"] = "key_1"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    caplog.set_level(logging.INFO)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(AccessLog(guarded)), base_url="http://a") as client:
        await client.get("/")
    assert [(line["subject"], line["status"]) for line in lines(caplog)] == [("key_1", 200)]


async def test_no_log_has_a_secret_or_a_person(
    client: httpx.AsyncClient, world: ApiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither headers, nor bodies, nor queries, nor answers are logged, whatever their outcome."""
    caplog.set_level(logging.DEBUG)
    show, buyer = await open_show(client, world), {"name": "Ann Buyer", "email": "ann@example.org", "wallet": WALLET}
    headers = {"Authorization": f"Bearer {EVERY_SCOPE}", "Idempotency-Key": "key-of-ann"}
    body = wanting(show, 1, buyer=buyer)
    answers = [
        await client.post(PURCHASES, json=body, headers=headers),
        await client.post(PURCHASES, json={**body, "unknown": "ann@example.org"}, headers=headers),
        await client.post("/internal/purchases", json={**body, "tender": "cash"}, headers=headers),
        await client.get(f"{PURCHASES}/pu_none?email=ann@example.org", headers=headers),
        await client.post("/webhooks/stripe", json={}, headers={"Stripe-Signature": "t=1,v1=signature"}),
    ]
    secret = answers[0].json()["client_secret"]
    assert [answer.status_code for answer in answers[:4]] == [201, 422, 409, 404]
    world.store.refuse_connections = 1
    assert (await client.delete(f"{PURCHASES}/pu_none", headers=headers)).status_code == httpx.codes.SERVICE_UNAVAILABLE
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    text = "\n".join(record.getMessage() for record in ours)
    words = [*buyer.values(), secret, EVERY_SCOPE, "key-of-ann", "v1=signature"]
    assert [word for word in words if word in text] == []
    assert len(lines(caplog)) == 2 + len(answers) + 1
