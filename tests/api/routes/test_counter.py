"""The counter over HTTP: outside the online window, with the price of its tender, its till, and what comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.books.post import BooksActivities
from activities.core.commands import PurchaseRef
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

SALES, COUNTER, TICKETS = "/internal/purchases", "/internal/counter", "/internal/tickets"


@pytest.mark.parametrize("tender", ["cash", "complimentary"])
async def test_the_counter_sells_before_and_after_the_online_window(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld, tender: str
) -> None:
    """Until the show is over; online the window counts."""
    page = f"/api/v1/shows/{show['show_id']}"
    window = {"sale_from": "2026-01-10T00:00:00Z", "sale_until": "2026-01-20T00:00:00Z"}
    assert (await client.patch(page, json={**window, "ends_at": "2026-02-01T00:00:00Z"})).is_success
    for day, expected in ((5, 201), (25, 201), (40, 409)):
        world.clock = lambda at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day): at  # type: ignore[misc]
        sold = await client.post(SALES, json={**wanting(show, 1), "tender": tender}, headers=key(f"c{day}"))
        assert sold.status_code == expected, (day, sold.text)
        online = await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"o{day}"))
        assert code(online) == (409, "not-on-sale")


@pytest.mark.parametrize(("tender", "total"), [("card", 2208), ("cash", 2150), ("complimentary", 0)])
async def test_the_counter_asks_the_price_for_its_tender(
    client: httpx.AsyncClient, show: dict[str, Any], tender: str, total: int
) -> None:
    """It is the price at which the counter then sells."""
    quote = (await client.post(f"{COUNTER}/quotes", json={**wanting(show), "tender": tender})).json()
    assert (quote["price"]["total_minor"], quote["price"]["tender"]) == (total, tender)
    if tender != "card":
        sold = await client.post(SALES, json={**wanting(show), "tender": tender}, headers=key("s"))
        assert sold.json()["price"] == quote["price"]


async def test_the_till_has_the_cash_that_came_in(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """The sum of the cash sales; card and complimentary sales bring none, and an unknown venue has no till."""
    page = f"{COUNTER}/tills/{show['venue_id']}"
    assert (await client.get(page)).json()["balances"] == []
    totals = []
    for name, quantity in (("a", 1), ("b", 2)):
        sold = await client.post(SALES, json={**wanting(show, quantity), "tender": "cash"}, headers=key(name))
        await settle(world, sold.json()["purchase_id"])
        totals.append(sold.json()["price"]["total_minor"])
    assert (await client.get(page)).json()["balances"] == [{"currency": "eur", "cash_minor": sum(totals)}]
    assert code(await client.get(f"{COUNTER}/tills/ve_none")) == (404, "not-found")


async def test_a_confirmed_reservation_is_given_back(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Once: its tickets are void, and its seats on sale again; a held one is released instead."""
    available = await free(client, show)
    made = (await client.post(f"{TICKETS}/reserve", json=wanting(show), headers=key("r"))).json()
    reservation = {"reservation_id": made["reservation_id"]}
    assert code(await client.post(f"{COUNTER}/give-back", json=reservation)) == (409, "wrong-state")
    assert (await client.post(f"{TICKETS}/confirm", json=reservation)).is_success
    assert await free(client, show) == available - 2
    for _ in range(2):
        given = await client.post(f"{COUNTER}/give-back", json=reservation)
        assert (given.status_code, given.json()["state"]) == (200, "released")
        assert await free(client, show) == available
    for ticket_id in made["ticket_ids"]:
        assert (await client.get(f"{TICKETS}/{ticket_id}/status")).json()["state"] == "void"
    assert code(await client.post(f"{TICKETS}/confirm", json=reservation)) == (409, "hold-released")
    assert code(await client.post(f"{COUNTER}/give-back", json={"reservation_id": "re_none"})) == (409, "not-our-hold")


async def test_a_used_ticket_is_not_given_back(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Then nothing of its reservation is."""
    made = (await client.post(f"{TICKETS}/reserve", json=wanting(show), headers=key("r"))).json()
    reservation = {"reservation_id": made["reservation_id"]}
    await client.post(f"{TICKETS}/confirm", json=reservation)
    await client.post(f"{TICKETS}/{made['ticket_ids'][0]}/redeem")
    before = await free(client, show)
    assert code(await client.post(f"{COUNTER}/give-back", json=reservation)) == (409, "ticket-redeemed")
    assert await free(client, show) == before


async def free(client: httpx.AsyncClient, show: dict[str, Any]) -> int:
    """Return the seats on the floor that nobody holds or has."""
    found = (await client.get(f"/api/v1/shows/{show['show_id']}")).json()
    return int(found["ticket_types"][0]["available"])


async def settle(world: ApiWorld, purchase_id: str) -> None:
    """Confirm a sale of the counter and post it to the books."""
    await world.confirm(purchase_id)
    await BooksActivities(world.store).settle_sale(PurchaseRef(tenant_id="default", purchase_id=purchase_id, attempt=1))
