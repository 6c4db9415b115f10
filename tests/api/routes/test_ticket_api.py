"""The internal ticket API on the same stock and tickets as the purchases."""

from typing import Any

import httpx

from tests.api.routes.on_sale import code, key, wanting
from tests.fakes.shop_world import ApiWorld

INTERNAL = "/internal/tickets"


async def post(client: httpx.AsyncClient, verb: str, body: dict[str, Any], name: str = "r") -> httpx.Response:
    return await client.post(f"{INTERNAL}/{verb}", json=body, headers=key(name))


async def test_gap_1_the_internal_endpoints_exist(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Availability, prices, a calculated price and a ticket's status are answered."""
    ref = {"show_id": show["show_id"]}
    assert (await post(client, "availability", ref)).json()["ticket_types"][0]["available"] == 5
    assert (await post(client, "prices", ref)).json()["ticket_types"][0]["price_minor"] == 1000
    assert (await post(client, "calculate-price", wanting(show))).json()["price"]["total_minor"] == 2208
    reserved = (await post(client, "reserve", wanting(show))).json()
    status = (await client.get(f"{INTERNAL}/{reserved['ticket_ids'][0]}/status")).json()
    assert (status["state"], status["token"]) == ("reserved", "none")


async def test_a_reservation_is_confirmed_once_and_not_cancelled_after(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """A workflow ends the hold; a paid ticket cannot be cancelled."""
    made = await post(client, "reserve", wanting(show))
    assert made.status_code == 201
    reservation_id = made.json()["reservation_id"]
    assert (await post(client, "reserve", wanting(show))).json() == made.json()
    assert code(await post(client, "reserve", wanting(show, 1))) == (409, "idempotency-key-reused")
    assert ("watch_hold", reservation_id) in world.engine.told
    for _ in range(2):
        confirmed = await post(client, "confirm", {"reservation_id": reservation_id})
        assert confirmed.json()["state"] == "confirmed"
    assert ("hold_ended", reservation_id) in world.engine.told
    batch = {"ticket_ids": made.json()["ticket_ids"][:1]}
    assert code(await post(client, "cancel-batch", batch)) == (409, "refund-needed")
    assert code(await post(client, "release", {"reservation_id": reservation_id})) == (409, "refund-needed")


async def test_a_released_hold_gives_its_seats_back(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """A release returns all seats to the stock, and a late confirm is refused."""
    reservation_id = (await post(client, "reserve", wanting(show, 5))).json()["reservation_id"]
    assert code(await post(client, "reserve", wanting(show, 1), "other")) == (409, "sold-out")
    assert (await post(client, "release", {"reservation_id": reservation_id})).json()["state"] == "released"
    assert (await post(client, "availability", {"show_id": show["show_id"]})).json()["ticket_types"][0][
        "available"
    ] == 5
    assert code(await post(client, "confirm", {"reservation_id": reservation_id})) == (409, "hold-released")


async def test_it_acts_only_on_holds_that_it_made(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """It can end neither a purchase's hold and tickets nor an unknown hold."""
    bought = await client.post("/api/v1/purchases", json=wanting(show), headers=key("p"))
    purchase_id = bought.json()["purchase_id"]
    assert code(await post(client, "release", {"reservation_id": purchase_id})) == (409, "not-our-hold")
    tickets = (await client.get(f"/api/v1/purchases/{purchase_id}")).json()["tickets"]
    batch = {"ticket_ids": [tickets[0]["ticket_id"]]}
    assert code(await post(client, "cancel-batch", batch)) == (409, "not-our-hold")


async def test_cancel_batch_ends_unpaid_reservations(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Unpaid tickets are voided and their seats are free again."""
    made = (await post(client, "reserve", wanting(show))).json()
    assert (await post(client, "cancel-batch", {"ticket_ids": made["ticket_ids"]})).status_code == 200
    status = (await client.get(f"{INTERNAL}/{made['ticket_ids'][0]}/status")).json()
    assert status["state"] == "void"
