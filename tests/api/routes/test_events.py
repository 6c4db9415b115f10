"""Outgoing events over HTTP: pages by position, and the same events as a stream that goes on with what happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.watch import LOOK_SECONDS
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.api_client import api_client
from tests.fakes.shop_world import ApiWorld

EVENTS = "/api/v1/events"
STREAM = {"Accept": "text/event-stream"}
RECHECK_SECONDS = 0.1


@pytest.fixture(autouse=True)
def often_rechecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the key of an open stream more often, and send heartbeats sooner."""
    for module in ("api.http.authenticator", "api.routes.events"):
        monkeypatch.setattr(f"{module}.RECHECK_SECONDS", RECHECK_SECONDS)
    monkeypatch.setattr("api.routes.events.HEARTBEAT_SECONDS", 2 * RECHECK_SECONDS)


@pytest.fixture
async def sold(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> str:
    """Sell two tickets; return the purchase's id."""
    purchase_id: str = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    await world.pay(purchase_id)
    return purchase_id


async def page(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.get(EVENTS, params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def streamed(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream; each has its type as its name, and its position as its id."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            event = json.loads(fields["data"])
            assert (fields["event"], fields["id"]) == (event["type"], str(event["position"]))
            found.append(event)
    return found


async def test_pages_tell_each_event_once_and_in_order(client: httpx.AsyncClient, sold: str) -> None:
    """Read in pages of two, or at once: the same events, from the announced show to the fulfilled order."""
    whole = (await page(client))["events"]
    types = [event["type"] for event in whole]
    assert types[:2] == ["show.announced", "show.on_sale"]
    assert types[-1] == "order.fulfilled"
    assert {"order.confirmed", "order.fulfilled", "ticket.issued", "ticket.minted"} <= set(types[2:])
    assert {event["purchase_id"] for event in whole[2:]} == {sold}
    seen, after = [], 0
    while True:
        found = await page(client, after=after, limit=2)
        seen += found["events"]
        if found["next"] is None:
            break
        after = found["next"]
    assert seen == whole
    assert [event["position"] for event in whole] == sorted(event["position"] for event in whole)


async def test_events_are_filtered(client: httpx.AsyncClient, show: dict[str, Any], sold: str) -> None:
    """By one type or several, by show and by venue."""
    issued = (await page(client, type="ticket.issued"))["events"]
    assert [event["data"]["purchase_id"] for event in issued] == [sold, sold]
    both = (await page(client, type=["order.confirmed", "order.fulfilled"]))["events"]
    assert [event["data"]["order_ref"] for event in both] == [both[0]["data"]["order_ref"]] * 2
    of_show = (await page(client, show_id=show["show_id"]))["events"]
    assert of_show == (await page(client, venue_id=show["venue_id"]))["events"] == (await page(client))["events"]
    assert (await page(client, show_id="sh_other"))["events"] == []


async def test_a_key_gets_what_exists_for_it(
    world: ApiWorld, app: FastAPI, client: httpx.AsyncClient, show: dict[str, Any], sold: str
) -> None:
    """Another tenant's key gets nothing, and one of a venue just its venue's; one without the scope is refused."""
    whole = await page(client)
    async with api_client(app, key=await world.key("manage", tenant_id="other")) as stranger:
        assert await page(stranger) == {"events": [], "next": None}
    async with api_client(app, key=await world.key("manage", bound_to=show["venue_id"])) as venue:
        assert await page(venue) == whole
        assert code(await venue.get(EVENTS, params={"venue_id": "ve_other"})) == (404, "not-found")
    elsewhere = (await client.post("/api/v1/venues", json={"name": "Cellar"}, headers=key("w"))).json()["venue_id"]
    async with api_client(app, key=await world.key("manage", bound_to=elsewhere)) as other:
        assert (await page(other))["events"] == []
    async with api_client(app, key=await world.key("purchase")) as buyer:
        assert code(await buyer.get(EVENTS)) == (403, "forbidden")


async def lines_of(client: httpx.AsyncClient, seconds: float, **asked: Any) -> str:
    """Follow the stream for a while, with a client that gets it whole at its end."""
    following = asyncio.create_task(client.get(EVENTS, headers={**STREAM, **asked.pop("headers", {})}, params=asked))
    await asyncio.sleep(seconds)
    ending.append(True)
    return (await asyncio.wait_for(following, 5)).text


ending: list[bool] = []


@pytest.fixture(autouse=True)
async def ends_when_asked(app: FastAPI) -> AsyncIterator[None]:
    """End streams as a server does that shuts down, once a test says so."""
    ending.clear()
    app.state.watch.is_ending = lambda: bool(ending)
    yield
    ending.clear()


async def test_a_stream_tells_what_was_and_what_comes(
    world: ApiWorld, client: httpx.AsyncClient, show: dict[str, Any]
) -> None:
    """It begins after a position, goes on with new events, and beats while nothing happens."""
    following = asyncio.create_task(lines_of(client, 6 * RECHECK_SECONDS))
    await asyncio.sleep(2 * LOOK_SECONDS)
    purchase_id = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()["purchase_id"]
    await world.pay(purchase_id)
    text = await following
    assert streamed(text) == (await page(client))["events"]
    assert ": ping" in text


async def test_who_comes_back_hears_only_what_is_new(client: httpx.AsyncClient, sold: str) -> None:
    """`Last-Event-ID` and `after` continue behind an event; more events than fit at once are all sent."""
    whole = (await page(client))["events"]
    headers = {"Last-Event-ID": str(whole[2]["position"])}
    assert streamed(await lines_of(client, 2 * LOOK_SECONDS, headers=headers)) == whole[3:]
    ending.clear()
    assert streamed(await lines_of(client, 2 * LOOK_SECONDS, after=whole[0]["position"], limit=1)) == whole[1:]


async def test_a_stream_sends_more_than_fits_at_once(
    client: httpx.AsyncClient, sold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long past is sent in parts, each read when the one before is sent."""
    monkeypatch.setattr("api.routes.events.STREAMED_AT_ONCE", 2)
    assert streamed(await lines_of(client, 2 * LOOK_SECONDS)) == (await page(client))["events"]


async def test_a_stream_ends_with_its_key(world: ApiWorld, app: FastAPI, sold: str) -> None:
    """It is cut when its key is revoked."""
    text = await world.key("manage")
    async with api_client(app, key=text) as venue:
        following = asyncio.create_task(venue.get(EVENTS, headers=STREAM))
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert not following.done()
        await world.keys.revoke(text.split("_")[2])
        assert streamed((await asyncio.wait_for(following, 5)).text)
