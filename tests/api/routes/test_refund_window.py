"""A show that changes gives its buyers a time in which they may give tickets back by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.routes.on_sale import PURCHASES, code, key, open_show, wanting
from tests.fakes.shop_world import ApiWorld

UNTIL = datetime(2026, 1, 15, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
async def sold(client: httpx.AsyncClient, world: ApiWorld) -> dict[str, Any]:
    """A sold purchase of two tickets, with its buyer's token."""
    show = await open_show(client, world)
    bought: dict[str, Any] = (await client.post(PURCHASES, json=wanting(show), headers=key("p"))).json()
    await world.pay(bought["purchase_id"])
    return {**bought, "show_id": show["show_id"]}


async def postpone(client: httpx.AsyncClient, sold: dict[str, Any], until: datetime | None) -> httpx.Response:
    body = {"starts_at": "2026-03-01T20:00:00Z", "refund_until": until.isoformat() if until else None}
    return await client.patch(f"/api/v1/shows/{sold['show_id']}", json=body)


async def give_back(client: httpx.AsyncClient, sold: dict[str, Any], number: int, *, buyer: bool) -> httpx.Response:
    page = (await client.get(f"{PURCHASES}/{sold['purchase_id']}")).json()
    body = {"ticket_ids": [page["tickets"][number]["ticket_id"]]}
    headers = key(f"back{number}") | ({"Purchase-Token": sold["purchase_token"]} if buyer else {})
    url = f"{PURCHASES}/{sold['purchase_id']}/refunds"
    return await client.post(url, json=body, headers=headers)


async def test_a_buyer_may_within_the_window_and_not_after_it(
    client: httpx.AsyncClient, world: ApiWorld, sold: dict[str, Any]
) -> None:
    """The window's end is excluded; a repeated request gets its answer after it; a key is not bound by it."""
    assert (await postpone(client, sold, UNTIL)).json()["changed"] == ["refund_until", "starts_at"]
    world.clock = lambda: UNTIL - MOMENT
    first = await give_back(client, sold, 0, buyer=True)
    assert first.status_code == httpx.codes.ACCEPTED, first.text
    world.clock = lambda: UNTIL
    assert (await give_back(client, sold, 0, buyer=True)).json() == first.json()
    late = await give_back(client, sold, 1, buyer=True)
    assert code(late) == (409, "refund-too-late")
    assert late.json()["values"] == {"refund_until": UNTIL.isoformat()}
    assert (await give_back(client, sold, 1, buyer=False)).status_code == httpx.codes.ACCEPTED


async def test_without_a_window_a_buyer_may_at_any_time(
    client: httpx.AsyncClient, world: ApiWorld, sold: dict[str, Any]
) -> None:
    """A window that is taken away binds nobody."""
    await postpone(client, sold, UNTIL)
    await postpone(client, sold, None)
    world.clock = lambda: UNTIL + timedelta(days=1)
    assert (await give_back(client, sold, 0, buyer=True)).status_code == httpx.codes.ACCEPTED


async def test_show_order_and_event_say_until_when(
    client: httpx.AsyncClient, world: ApiWorld, sold: dict[str, Any]
) -> None:
    """The order of the buyer, the show, and the outgoing event; an order that is not sold has nothing to give back."""
    opened = (
        await client.post(
            PURCHASES, json=wanting({"show_id": sold["show_id"], **await shown(client, sold)}, 1), headers=key("o")
        )
    ).json()
    await postpone(client, sold, UNTIL)
    order = await client.get(f"{PURCHASES}/{sold['purchase_id']}", headers={"Purchase-Token": sold["purchase_token"]})
    assert order.json()["refund_until"] == (await shown(client, sold))["refund_until"] == UNTIL.isoformat()
    assert (await client.get(f"{PURCHASES}/{opened['purchase_id']}")).json()["refund_until"] is None
    told = (await client.get("/api/v1/events", params={"type": "show.details_changed"})).json()["events"]
    assert [(one["data"]["refund_until"], one["data"]["place"]) for one in told] == [(UNTIL.isoformat(), "")]
    assert datetime.fromisoformat(told[0]["data"]["starts_at"]) == datetime(2026, 3, 1, 20, tzinfo=UTC)


async def shown(client: httpx.AsyncClient, sold: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/v1/shows/{sold['show_id']}")).json()
    return found
