"""Webhook endpoints over HTTP: made, changed, switched, deleted, and what they got sent again."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.api_client import api_client
from tests.fakes.shop_world import ApiWorld

PATH = "/api/v1/webhook-endpoints"
BODY: dict[str, Any] = {"url": "https://door.example/events", "types": ["ticket.issued"]}


@pytest.fixture
async def made(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post(PATH, json=BODY, headers=key("e"))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_its_secret_is_told_once(client: httpx.AsyncClient, made: dict[str, Any]) -> None:
    """At the creation, and not by a repeat or by any read; another body under the key is refused."""
    assert made["secret"].startswith("whsec_")
    assert (made["state"], made["types"], made["venue_id"]) == ("on", ["ticket.issued"], None)
    again = await client.post(PATH, json=BODY, headers=key("e"))
    assert again.json() == {**made, "secret": None}
    assert (await client.get(f"{PATH}/{made['endpoint_id']}")).json() == again.json()
    assert (await client.get(PATH)).json() == {"endpoints": [again.json()]}
    assert code(await client.post(PATH, json={**BODY, "types": []}, headers=key("e"))) == (
        409,
        "idempotency-key-reused",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://a.example"}, {"url": "https://user:pass@a.example"}, {"url": "/events"}, {"url": "https://a/#b"},
        {"types": ["order.placed"]}, {"types": ["ticket.issued"] * 51}, {"secret": "mine"},
    ],
)  # fmt: skip
async def test_a_wrong_endpoint_is_refused(client: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """An address that cannot be called, and a type that there is not, are told at once."""
    assert code(await client.post(PATH, json={**BODY, **change}, headers=key("x"))) == (422, "invalid-request")


async def test_plain_http_is_refused(client: httpx.AsyncClient, made: dict[str, Any]) -> None:
    """Unless a setting allows private addresses."""
    plain = {"url": "http://door.example/"}
    assert code(await client.post(PATH, json=plain, headers=key("x"))) == (422, "invalid-request")
    assert code(await client.patch(f"{PATH}/{made['endpoint_id']}", json=plain)) == (422, "invalid-request")


async def test_it_is_changed_switched_and_deleted(
    client: httpx.AsyncClient, world: ApiWorld, made: dict[str, Any]
) -> None:
    """Each change tells its workflow; a deleted one does not exist."""
    path = f"{PATH}/{made['endpoint_id']}"
    changed = await client.patch(path, json={"types": []})
    assert (changed.json()["types"], changed.json()["url"]) == ([], BODY["url"])
    assert (await client.patch(path, json={"url": "https://b.example/"})).json()["url"] == "https://b.example/"
    assert (await client.post(f"{path}/switch-off")).json()["state"] == "off"
    assert (await client.post(f"{path}/switch-on")).json()["state"] == "on"
    rotated = (await client.post(f"{path}/secret")).json()["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != made["secret"]
    gone = await client.delete(path)
    assert (gone.status_code, gone.json()["state"], gone.json()["secret"]) == (200, "deleted", None)
    assert world.engine.told.count(("endpoint_news", made["endpoint_id"])) == 5
    for answer in (await client.get(path), await client.delete(path), await client.post(f"{path}/switch-on")):
        assert code(answer) == (404, "not-found")
    assert (await client.get(PATH)).json() == {"endpoints": []}
    assert world.endpoint_secrets.kept == {}


async def test_what_it_got_is_sent_again(
    client: httpx.AsyncClient, world: ApiWorld, made: dict[str, Any], show: dict[str, Any]
) -> None:
    """One event by its id, or all since a time; the log says that they are due."""
    path = f"{PATH}/{made['endpoint_id']}"
    await world.pay((await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"])
    events = (await client.get("/api/v1/events", params={"type": "ticket.issued"})).json()["events"]
    again = await client.post(f"{path}/replays", json={"event_id": events[0]["id"]})
    assert (again.status_code, again.json()) == (202, {"events": 1})
    since = await client.post(f"{path}/replays", json={"since": "2025-01-01T00:00:00Z"})
    assert since.json() == {"events": 2}
    log = (await client.get(f"{path}/deliveries")).json()
    assert [entry["event_id"] for entry in log["deliveries"]] == [event["id"] for event in reversed(events)]
    assert {entry["state"] for entry in log["deliveries"]} == {"due"}
    first = (await client.get(f"{path}/deliveries", params={"limit": 1})).json()
    rest = (await client.get(f"{path}/deliveries", params={"before": first["next"]})).json()
    assert first["deliveries"] + rest["deliveries"] == log["deliveries"]
    assert code(await client.post(f"{path}/replays", json={"event_id": "ev_unknown"})) == (404, "not-found")
    for body in ({}, {"event_id": "ev_1", "since": "2025-01-01T00:00:00Z"}):
        assert code(await client.post(f"{path}/replays", json=body)) == (422, "invalid-request")


async def test_a_key_sees_the_endpoints_of_its_venue(
    world: ApiWorld, app: FastAPI, client: httpx.AsyncClient, made: dict[str, Any], show: dict[str, Any]
) -> None:
    """One of another tenant sees none; one of a venue neither the tenant's nor another venue's, and makes its own."""
    paths = [f"{PATH}/{made['endpoint_id']}", f"{PATH}/{made['endpoint_id']}/deliveries"]
    async with api_client(app, key=await world.key("manage", tenant_id="other")) as stranger:
        assert [code(await stranger.get(path)) for path in paths] == [(404, "not-found")] * 2
        assert (await stranger.get(PATH)).json() == {"endpoints": []}
    async with api_client(app, key=await world.key("manage", bound_to=show["venue_id"])) as venue:
        assert [code(await venue.get(path)) for path in paths] == [(404, "not-found")] * 2
        own = (await venue.post(PATH, json=BODY, headers=key("v"))).json()
        assert own["venue_id"] == show["venue_id"]
        assert [one["endpoint_id"] for one in (await venue.get(PATH)).json()["endpoints"]] == [own["endpoint_id"]]
        elsewhere = {**BODY, "venue_id": "ve_other"}
        assert code(await venue.post(PATH, json=elsewhere, headers=key("w"))) == (404, "not-found")
    assert code(await client.post(PATH, json={**BODY, "venue_id": "ve_no"}, headers=key("y"))) == (404, "not-found")
    both = (await client.get(PATH)).json()["endpoints"]
    assert {one["endpoint_id"] for one in both} == {made["endpoint_id"], own["endpoint_id"]}
