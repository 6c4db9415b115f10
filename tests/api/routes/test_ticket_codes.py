"""Tickets' codes over HTTP: for the buyer, drawn, issued anew, and never an id."""

from typing import Any

import httpx
import pytest

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import CODES, ApiWorld


@pytest.fixture
async def bought(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> dict[str, Any]:
    """A sold ticket and the token of its purchase."""
    made = (await client.post(PURCHASES, json=wanting(show, 1), headers=key("a"))).json()
    await world.pay(made["purchase_id"])
    found = (await client.get(f"{PURCHASES}/{made['purchase_id']}")).json()
    token = {"Purchase-Token": made["purchase_token"]}
    return {"ticket_id": found["tickets"][0]["ticket_id"], "purchase_id": made["purchase_id"], "token": token}


def path(bought: dict[str, Any], rest: str = "code") -> str:
    return f"/api/v1/tickets/{bought['ticket_id']}/{rest}"


async def test_the_buyer_has_the_code_and_its_picture(client: httpx.AsyncClient, bought: dict[str, Any]) -> None:
    """The text of the code tells no id; nothing may store the pictures."""
    found = (await client.get(path(bought), headers=bought["token"])).json()
    assert found["ticket_code"] == CODES.make(bought["ticket_id"], 0)
    assert bought["ticket_id"] not in found["ticket_code"]
    for form, begins in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        drawn = await client.get(path(bought, f"code.{form}"), headers=bought["token"])
        assert (drawn.status_code, drawn.content.startswith(begins)) == (200, True)
        assert drawn.headers["cache-control"] == "no-store"
    held = (await client.get(f"{PURCHASES}/{bought['purchase_id']}/tickets", headers=bought["token"])).json()
    assert held["tickets"][0]["ticket_code"] == found["ticket_code"]


async def test_nobody_else_has_the_code(client: httpx.AsyncClient, world: ApiWorld, bought: dict[str, Any]) -> None:
    """A key that manages or scans may not read it, and sees the purchase's tickets without it."""
    for scope in ("manage", "door"):
        headers = {"Authorization": f"Bearer {await world.key(scope)}"}
        assert code(await client.get(path(bought), headers=headers)) == (404, "not-found")
        assert code(await client.get(path(bought, "code.svg"), headers=headers)) == (404, "not-found")
    held = (await client.get(f"{PURCHASES}/{bought['purchase_id']}/tickets")).json()
    assert held["tickets"][0]["ticket_code"] is None
    wrong = {"Purchase-Token": "pt_wrong"}
    assert code(await client.get(path(bought), headers=wrong)) == (404, "not-found")


async def test_a_code_is_issued_anew_once(client: httpx.AsyncClient, bought: dict[str, Any]) -> None:
    """A repeat after a lost answer changes nothing; the old secret of the ticket is worth nothing either."""
    held = f"{PURCHASES}/{bought['purchase_id']}/tickets"
    before = (await client.get(held, headers=bought["token"])).json()["tickets"][0]
    for _ in range(2):
        answer = await client.post(path(bought), json={"generation": 0}, headers=bought["token"])
        assert answer.json() == {"ticket_id": bought["ticket_id"], "generation": 1}
    assert code(await client.post(path(bought), json={"generation": 5}, headers=bought["token"])) == (
        409,
        "wrong-state",
    )
    after = (await client.get(held, headers=bought["token"])).json()["tickets"][0]
    assert (before["generation"], after["generation"]) == (0, 1)
    assert before["ticket_code"] != after["ticket_code"]
    secrets = [{"ticket_secret": one["ticket_secret"]} for one in (before, after)]
    found = [await client.post("/api/v1/verifications", json=secret) for secret in secrets]
    assert [one.status_code for one in found] == [404, 200]
    codes = [{"ticket_code": one["ticket_code"]} for one in (before, after)]
    seen = [(await client.post("/api/v1/verifications", json=one)).json() for one in codes]
    assert [(one["admission"], one["valid"]) for one in seen] == [("stale-generation", False), ("admitted", True)]


async def test_a_ticket_that_is_not_paid_or_void_has_no_code(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], bought: dict[str, Any]
) -> None:
    open_one = (await client.post(PURCHASES, json=wanting(show, 1), headers=key("b"))).json()
    unpaid = (await client.get(f"{PURCHASES}/{open_one['purchase_id']}")).json()["tickets"][0]["ticket_id"]
    token = {"Purchase-Token": open_one["purchase_token"]}
    assert code(await client.get(f"/api/v1/tickets/{unpaid}/code", headers=token)) == (409, "wrong-state")
    await client.post(f"{PURCHASES}/{bought['purchase_id']}/refunds", json={}, headers=key("r"))
    for asked in (client.get(path(bought), headers=bought["token"]),):
        assert code(await asked) == (409, "wrong-state")
    answer = await client.post(path(bought), json={"generation": 0}, headers=bought["token"])
    assert code(answer) == (409, "wrong-state")
