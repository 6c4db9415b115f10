"""The door: whoever must not enter is refused with the reason, and every way to ask gives the same answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.tickets.ticket import Ticket
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

EVENING = datetime(2026, 1, 1, 20, tzinfo=UTC)


async def sold(client: httpx.AsyncClient, world: ApiWorld, name: str = "a", **terms: Any) -> tuple[str, str, str]:
    """Sell a ticket of a show of its own that ends in the evening; return the ids of show, purchase and ticket."""
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key(f"v{name}"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 5}]
    body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types}
    body |= {"ends_at": EVENING.isoformat(), **terms}
    show = (await client.post("/api/v1/shows", json=body, headers=key(f"s{name}"))).json()
    await world.announce(venue["venue_id"], show["show_id"])
    bought = (await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"p{name}"))).json()
    await world.pay(bought["purchase_id"])
    found = (await client.get(f"{PURCHASES}/{bought['purchase_id']}")).json()
    return show["show_id"], bought["purchase_id"], found["tickets"][0]["ticket_id"]


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Return the status of a refusal at the door, its problem type, and its reason."""
    return *code(answer), answer.json()["values"]["reason"]


async def test_a_ticket_that_a_dispute_blocks_gives_no_entry(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Also after the dispute was lost, which leaves the block."""
    _, _, ticket_id = await sold(client, world)
    await world.store.commit(lambda uow: uow.get(Ticket, ticket_id).block("dp", uow.at))
    refused = await client.post(f"/internal/tickets/{ticket_id}/redeem")
    assert refusal(refused) == (409, "not-admitted", "blocked")
    assert (await client.get(f"/internal/tickets/{ticket_id}/status")).json()["admission"] == "blocked"


async def test_another_halls_ticket_is_not_used_up(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """A scan that names its show refuses the ticket of another one, which stays as it was."""
    _, _, ticket_id = await sold(client, world)
    other, _, _ = await sold(client, world, "b")
    redeem = f"/internal/tickets/{ticket_id}/redeem"
    assert refusal(await client.post(redeem, params={"show_id": other})) == (409, "not-admitted", "wrong-show")
    assert (await client.post(redeem)).status_code == 200


async def test_nobody_enters_after_the_end(client: httpx.AsyncClient, world: ApiWorld) -> None:
    _, _, ticket_id = await sold(client, world)
    world.clock = lambda: EVENING + timedelta(days=3)
    refused = await client.post(f"/internal/tickets/{ticket_id}/redeem")
    assert refusal(refused) == (409, "not-admitted", "over")


async def test_nobody_enters_a_cancelled_show(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """From the cancellation on, before the refund has voided the ticket."""
    show_id, _, ticket_id = await sold(client, world)
    await client.post(f"/api/v1/shows/{show_id}/cancellation", json={})
    refused = await client.post(f"/internal/tickets/{ticket_id}/redeem")
    assert refusal(refused) == (409, "not-admitted", "show-cancelled")


@pytest.mark.parametrize("state", ["issued", "blocked", "redeemed", "over", "void", "cancelled"])
async def test_every_way_to_ask_gives_one_answer(client: httpx.AsyncClient, world: ApiWorld, state: str) -> None:
    """Status, verification with and without a key, the ticket and its purchase."""
    show_id, purchase_id, ticket_id = await sold(client, world)
    if state == "blocked":
        await world.store.commit(lambda uow: uow.get(Ticket, ticket_id).block("dp", uow.at))
    if state == "redeemed":
        await client.post(f"/internal/tickets/{ticket_id}/redeem")
    if state == "over":
        world.clock = lambda: EVENING
    if state == "void":
        await client.post(f"{PURCHASES}/{purchase_id}/refunds", json={}, headers=key("r"))
    if state == "cancelled":
        await client.post(f"/api/v1/shows/{show_id}/cancellation", json={})
    wanted = {"issued": "admitted", "redeemed": "already-checked-in", "cancelled": "show-cancelled"}.get(state, state)
    held = (await client.get(f"{PURCHASES}/{purchase_id}/tickets")).json()["tickets"][0]
    asked = [
        (await client.get(f"/internal/tickets/{ticket_id}/status")).json(),
        (await client.get(f"/api/v1/tickets/{ticket_id}/verify")).json(),
        (await client.get(f"/api/v1/tickets/{ticket_id}")).json(),
        held,
    ]
    assert {one["admission"] for one in asked} == {wanted}
    assert asked[1]["valid"] == (wanted == "admitted")
    used = await client.post(f"/internal/tickets/{ticket_id}/redeem")
    assert (used.status_code == 200) == (wanted == "admitted")
