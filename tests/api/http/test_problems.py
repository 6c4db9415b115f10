"""Every kind of bad input is answered with problem details of a stable type, and changes nothing."""

from typing import Any

import httpx
import pytest

from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over
from tests.fakes.shop_world import ApiWorld

PURCHASES = "/api/v1/purchases"
KEY = {"Idempotency-Key": "k"}
ITEM = {"ticket_type_id": "tt_1", "quantity": 1}
GOOD = {"show_id": "sh_1", "items": [ITEM]}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["type"].removeprefix("urn:boxoffice:problem:")


async def ask(world: ApiWorld, method: str, path: str, **options: Any) -> httpx.Response:
    async with api_client(app_over(world.deps())) as client:
        return await client.request(method, path, **options)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {**GOOD, "surprise": 1},
        {**GOOD, "items": []},
        {**GOOD, "items": [{**ITEM, "quantity": 0}]},
        {**GOOD, "items": [{**ITEM, "quantity": "1"}]},
        {**GOOD, "items": [{**ITEM, "quantity": 1.5}]},
        {**GOOD, "items": [{**ITEM, "quantity": 51}]},
        {**GOOD, "items": [ITEM, ITEM]},
        {**GOOD, "show_id": "sh\x00"},
        {**GOOD, "show_id": "s" * 65},
        {**GOOD, "hold_seconds": 0},
        {**GOOD, "hold_seconds": 10**9},
        {**GOOD, "buyer": {"name": "a\x00b"}},
        {**GOOD, "buyer": {"phone": "1"}},
    ],
)
async def test_a_body_of_the_wrong_shape_is_an_invalid_request(body: Any) -> None:
    """The answer names the fields and never repeats the values."""
    world = ApiWorld()
    answer = await ask(world, "POST", PURCHASES, json=body, headers=KEY)
    assert problem(answer) == (422, "invalid-request")
    assert (world.store.log, world.buyers.kept) == ([], {})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a":', b'"\\ud800"'])
async def test_a_body_that_is_not_json_is_a_problem(content: bytes) -> None:
    """Neither malformed JSON nor malformed text is an internal error."""
    headers = {**KEY, "content-type": "application/json"}
    status, code = problem(await ask(ApiWorld(), "POST", PURCHASES, content=content, headers=headers))
    assert (status, code) in {(400, "malformed-body"), (422, "invalid-request")}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency-key-missing"),
        ({"Idempotency-Key": ""}, "idempotency-key-missing"),
        ({"Idempotency-Key": "k" * 256}, "idempotency-key-invalid"),
        ({"Idempotency-Key": "käse".encode()}, "idempotency-key-invalid"),
    ],
)
async def test_a_request_without_a_usable_key_is_refused(headers: Any, code: str) -> None:
    """A key has 1 to 255 printable characters."""
    assert problem(await ask(ApiWorld(), "POST", PURCHASES, json=GOOD, headers=headers)) == (400, code)


async def test_a_wallet_that_is_no_address_is_refused() -> None:
    """It is refused before anything is stored."""
    world = ApiWorld()
    answer = await ask(world, "POST", PURCHASES, json={**GOOD, "buyer": {"wallet": "nonsense"}}, headers=KEY)
    assert problem(answer) == (422, "invalid-wallet")
    assert world.buyers.kept == {}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", (404, "not-found")),
        ("GET", "/api/v1/purchases/pu_none", (404, "not-found")),
        ("GET", "/api/v1/venues/ve_none", (404, "not-found")),
        ("GET", "/api/v1/venues/ve_none/balance", (404, "not-found")),
        ("GET", "/api/v1/shows/sh_none", (404, "not-found")),
        ("GET", "/api/v1/tickets/ti_none", (404, "not-found")),
        ("GET", "/api/v1/tickets/ti_none/verify", (404, "not-found")),
        ("GET", "/metadata/ticket/ti_none.json", (404, "not-found")),
        ("GET", "/internal/tickets/ti_none/status", (404, "not-found")),
        ("GET", "/api/v1/purchases/a%00b", (422, "invalid-request")),
        ("GET", "/api/v1/purchases/pu_1?after=-1", (422, "invalid-request")),
        ("GET", "/metadata/person/x.json", (422, "invalid-request")),
        ("PUT", "/api/v1/purchases", (405, "method-not-allowed")),
    ],
)
async def test_what_does_not_exist_is_a_problem(method: str, path: str, expected: tuple[int, str]) -> None:
    """Unknown pages, resources and methods have their types."""
    assert problem(await ask(ApiWorld(), method, path)) == expected


async def test_transient_is_try_again_and_a_bug_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost database is 503 with Retry-After; a bug is 500 without details."""
    world = ApiWorld()
    world.store.refuse_connections = 1
    answer = await ask(world, "POST", "/api/v1/venues", json={"name": "Hall"}, headers=KEY)
    assert problem(answer) == (503, "try-again")
    assert answer.headers["retry-after"]

    async def broken(_: str) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(world.reads, "venue", broken)
    answer = await ask(world, "GET", "/api/v1/venues/ve_1")
    assert problem(answer) == (500, "internal-error")
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", [PURCHASES, "/webhooks/stripe"])
async def test_a_client_that_leaves_in_the_middle_is_no_bug_of_ours(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a body changes nothing, and is not logged as an error."""
    world = ApiWorld()
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"idempotency-key", b"k"), (b"stripe-signature", b"t=1,v1=x")]
    headers.append((b"authorization", f"Bearer {EVERY_SCOPE}".encode()))
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app_over(world.deps())({**scope, "headers": headers, "http_version": "1.1"}, receive, send)
    assert sent[0]["status"] == 400
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert (world.store.log, world.buyers.kept) == ([], {})


async def test_a_webhook_is_stored_once_and_a_forged_one_not_at_all() -> None:
    """A genuine event is stored, signalled and marked; a repeat is not fresh; a forged one is 400."""
    world = ApiWorld()
    event = b'{"id": "evt_1", "type": "payment_intent.succeeded", "intent": "pi_1", "purchase": "pu_1"}'
    forged = await ask(world, "POST", "/webhooks/stripe", content=event, headers={"Stripe-Signature": "t=1,v1=x"})
    assert problem(forged) == (400, "forged-webhook")
    assert world.inbox.kept == {}
    genuine = {"Stripe-Signature": "genuine"}
    assert (await ask(world, "POST", "/webhooks/stripe", content=event, headers=genuine)).json()["fresh"]
    assert not (await ask(world, "POST", "/webhooks/stripe", content=event, headers=genuine)).json()["fresh"]
    assert world.engine.told == [("look_again", "pu_1")]
    assert world.inbox.marked == {"evt_1"}


async def test_a_webhook_of_another_deployment_is_stored_and_signals_nobody() -> None:
    """Its purchase may have the id of one of ours; nothing is left to the relay."""
    world = ApiWorld()
    event = b'{"id": "evt_1", "type": "payment_intent.succeeded", "purchase": "pu_1", "deployment": "dp_other"}'
    answer = await ask(world, "POST", "/webhooks/stripe", content=event, headers={"Stripe-Signature": "genuine"})
    assert (answer.status_code, world.engine.told, world.inbox.marked) == (200, [], {"evt_1"})


async def test_an_undelivered_webhook_waits_for_the_relay() -> None:
    """With Temporal unavailable the event is stored, answered with 200, and stays unmarked."""
    world = ApiWorld()
    world.engine.away = True
    event = b'{"id": "evt_1", "type": "payment_intent.succeeded", "intent": "pi_1", "purchase": "pu_1"}'
    answer = await ask(world, "POST", "/webhooks/stripe", content=event, headers={"Stripe-Signature": "genuine"})
    assert answer.status_code == 200
    assert (list(world.inbox.kept), world.inbox.marked) == (["evt_1"], set())


async def test_the_same_key_registers_one_venue() -> None:
    """The same body is the same venue, another one is 409."""
    world = ApiWorld()
    first = await ask(world, "POST", "/api/v1/venues", json={"name": "Hall"}, headers=KEY)
    again = await ask(world, "POST", "/api/v1/venues", json={"name": "Hall"}, headers=KEY)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    other = await ask(world, "POST", "/api/v1/venues", json={"name": "Cellar"}, headers=KEY)
    assert problem(other) == (409, "idempotency-key-reused")
    assert len(world.store.log) == 1


async def test_the_documentation_and_the_health_page_are_there() -> None:
    """The root links the docs."""
    for path in ("/", "/health", "/metrics", "/docs", "/openapi.json"):
        assert (await ask(ApiWorld(), "GET", path)).status_code == 200


async def test_a_full_queue_is_429_with_the_delay_of_a_retry() -> None:
    """The client learns that nothing was changed, and the delay of a retry."""
    world = ApiWorld()
    world.store.queue_is_full = True
    answer = await ask(world, "POST", PURCHASES, json=GOOD, headers=KEY)
    assert problem(answer) == (429, "busy")
    assert int(answer.headers["Retry-After"]) > 0
    assert world.store.log == []
