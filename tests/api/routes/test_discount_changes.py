"""Codes of a show: stopped, changed, counted with and without a limit, and good for so many tickets."""

from typing import Any

import httpx
import pytest

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld


@pytest.fixture
async def early(client: httpx.AsyncClient, show: dict[str, Any]) -> str:
    """A code without a limit."""
    url = f"/api/v1/shows/{show['show_id']}/discounts"
    answer = await client.post(url, json={"code": "early", "percent_bps": 5000}, headers=key("d"))
    assert answer.status_code == 201, answer.text
    return f"{url}/EARLY"


async def reason(client: httpx.AsyncClient, show: dict[str, Any], name: str) -> str:
    """Return why a purchase with the code is refused."""
    answer = await client.post(PURCHASES, json=wanting(show, 1, discount_code="early"), headers=key(name))
    assert code(answer) == (409, "discount-refused")
    return str(answer.json()["values"]["reason"])


async def test_a_code_is_stopped_and_used_again(client: httpx.AsyncClient, show: dict[str, Any], early: str) -> None:
    """A repeat changes nothing; the read tells it."""
    for _ in range(2):
        answer = await client.patch(early, json={"stopped": True})
        assert answer.json() == {"show_id": show["show_id"], "code": "EARLY"}
    assert (await client.get(answer.headers["location"])).json()["stopped"]
    assert await reason(client, show, "a") == "stopped"
    await client.patch(early, json={"stopped": False})
    assert (await client.post(PURCHASES, json=wanting(show, 1, discount_code="early"), headers=key("a"))).is_success


async def test_terms_change_and_placed_orders_keep_theirs(
    client: httpx.AsyncClient, show: dict[str, Any], early: str
) -> None:
    """An amount takes the place of the percentage; what is not named stays; contradictions are refused."""
    placed = (await client.post(PURCHASES, json=wanting(show, 2, discount_code="early"), headers=key("a"))).json()
    assert placed["price"]["discount_minor"] == 1000
    changed = {"amount_minor": 300, "limit": 9, "valid_until": "2030-01-01T00:00:00+00:00"}
    found = (await client.get((await client.patch(early, json=changed)).headers["location"])).json()
    assert (found["percent_bps"], found["amount_minor"], found["limit"], found["tickets_max"]) == (None, 300, 9, None)
    await client.patch(early, json={"limit": None})
    found = (await client.get(early)).json()
    assert (found["amount_minor"], found["limit"], found["valid_until"]) == (300, None, "2030-01-01T00:00:00+00:00")
    wanted = wanting(show, 2, discount_code="early")
    assert (await client.post("/api/v1/quotes", json=wanted)).json()["price"]["discount_minor"] == 300
    assert (await client.get(f"{PURCHASES}/{placed['purchase_id']}")).json()["price"]["discount_minor"] == 1000
    wrong = {"valid_from": "2031-01-01T00:00:00+00:00"}
    assert code(await client.patch(early, json=wrong)) == (409, "wrong-state")
    assert code(await client.patch(early, json={"ticket_type_ids": ["tt_none"]})) == (404, "not-found")
    assert code(await client.patch(early.replace("EARLY", "NONE"), json={})) == (404, "not-found")


async def test_a_use_is_good_for_the_cheapest_tickets(
    client: httpx.AsyncClient, show: dict[str, Any], early: str
) -> None:
    """Two of 10.00 and one of 30.00 at half price for two tickets: 10.00 off; by hand."""
    await client.patch(early, json={"tickets_max": 2})
    items = [
        {"ticket_type_id": kind["ticket_type_id"], "quantity": quantity}
        for kind, quantity in zip(show["ticket_types"], (2, 1), strict=True)
    ]
    wanted = {"show_id": show["show_id"], "items": items, "discount_code": "early"}
    assert (await client.post("/api/v1/quotes", json=wanted)).json()["price"]["discount_minor"] == 1000
    await client.patch(early, json={"tickets_max": 3})
    assert (await client.post("/api/v1/quotes", json=wanted)).json()["price"]["discount_minor"] == 2500
    await client.patch(early, json={"tickets_max": 1})
    assert (await client.post("/api/v1/quotes", json=wanted)).json()["price"]["discount_minor"] == 500


async def test_uses_are_counted_without_a_limit(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], early: str
) -> None:
    """Orders with tickets: not one that ended unsold, and not one whose last ticket was given back."""
    bought = [
        (await client.post(PURCHASES, json=wanting(show, quantity, discount_code="early"), headers=key(name))).json()
        for name, quantity in (("a", 2), ("b", 1), ("c", 1))
    ]
    assert (await client.get(early)).json()["uses"] == 3
    await world.pay(bought[0]["purchase_id"])
    await world.end(bought[1]["purchase_id"])
    assert (await client.get(early)).json()["uses"] == 2
    purchase = f"{PURCHASES}/{bought[0]['purchase_id']}"
    tickets = [one["ticket_id"] for one in (await client.get(purchase)).json()["tickets"]]
    for left, ticket_id in ((2, tickets[0]), (1, tickets[1])):
        await client.post(f"{purchase}/refunds", json={"ticket_ids": [ticket_id]}, headers=key(ticket_id))
        assert (await client.get(early)).json()["uses"] == left


async def test_the_list_says_which_codes_are_stopped(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """A stopped code is in its own part of the list, and back in the other when it may be used again."""
    url = f"/api/v1/shows/{show['show_id']}/discounts"
    for name in ("FIRST", "SECOND"):
        await client.post(url, json={"code": name, "percent_bps": 1000}, headers=key(name))

    async def listed(**params: str) -> dict[str, str]:
        rows = (await client.get("/api/v1/discounts", params=params)).json()["items"]
        return {row["code"]: row["state"] for row in rows}

    await client.patch(f"{url}/FIRST", json={"stopped": True})
    assert await listed() == {"FIRST": "stopped", "SECOND": "active"}
    assert await listed(state="stopped") == {"FIRST": "stopped"}
    assert await listed(state="active") == {"SECOND": "active"}
    await client.patch(f"{url}/FIRST", json={"stopped": False})
    assert await listed(state="active") == {"FIRST": "active", "SECOND": "active"}
