"""What a show is, over HTTP: times, place, texts and states, and their changes after the sale began."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENING = {
    "starts_at": "2026-02-01T20:00:00+01:00",
    "doors_at": "2026-02-01T19:00:00+01:00",
    "ends_at": "2026-02-01T23:00:00+01:00",
    "time_zone": "Europe/Berlin",
    "place": "Hall 2, 5 Quay Street",
    "description": "Two acts.\nOne break.",
    "image_url": "https://example.org/night.jpg",
    "contact": "tickets@example.org",
}


async def announced(client: httpx.AsyncClient, world: ApiWorld, **more: Any) -> dict[str, Any]:
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("dv"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 2}]
    body = {"venue_id": venue["venue_id"], "name": "Night", "currency": "eur", "ticket_types": types, **more}
    answer = await client.post("/api/v1/shows", json=body, headers=key("ds"))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    await world.announce(venue["venue_id"], found["show_id"])
    return found


async def read(client: httpx.AsyncClient, show: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/v1/shows/{show['show_id']}")).json()
    return found


async def change(client: httpx.AsyncClient, show: dict[str, Any], **fields: Any) -> httpx.Response:
    return await client.patch(f"/api/v1/shows/{show['show_id']}", json=fields)


async def test_a_show_says_when_and_where_it_is(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """What was announced is read back; the moments in UTC, with the zone beside them."""
    found = await read(client, await announced(client, world, **EVENING))
    times = {name: datetime.fromisoformat(found[name]) for name in ("starts_at", "doors_at", "ends_at", "over_at")}
    assert times == {
        "starts_at": datetime(2026, 2, 1, 19, tzinfo=UTC),
        "doors_at": datetime(2026, 2, 1, 18, tzinfo=UTC),
        "ends_at": datetime(2026, 2, 1, 22, tzinfo=UTC),
        "over_at": datetime(2026, 2, 1, 22, tzinfo=UTC),
    }
    texts = ("time_zone", "place", "description", "image_url", "contact")
    assert {name: found[name] for name in texts} == {name: EVENING[name] for name in texts}


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Base"},
        {"image_url": "http://example.org/x.jpg"},
        {"place": "Hall\x00"},
        {"description": "\x1b[31m"},
        {"contact": ""},
    ],
)
async def test_a_detail_that_is_none_is_refused(client: httpx.AsyncClient, world: ApiWorld, wrong: Any) -> None:
    """When it is announced, and when it changes."""
    show = await announced(client, world)
    assert code(await change(client, show, **wrong)) == (422, "invalid-request")
    body = {"venue_id": show["venue_id"], "name": "N", "currency": "eur", "ticket_types": [], **wrong}
    assert code(await client.post("/api/v1/shows", json=body, headers=key("w"))) == (422, "invalid-request")


async def test_times_in_the_wrong_order_are_refused(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Doors, then the start, then the end; a change of one of them is judged with the others."""
    show = await announced(client, world, **EVENING)
    for wrong in (
        {"doors_at": "2026-02-01T21:00:00+01:00"},
        {"ends_at": "2026-02-01T20:00:00+01:00"},
        {"starts_at": "2026-02-02T20:00:00+01:00"},
    ):
        assert code(await change(client, show, **wrong)) == (409, "wrong-state")
    assert (await read(client, show))["state"] == "on-sale"


async def test_the_states_of_a_show(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """`on_sale` is true only while tickets can be bought."""
    window = {"sale_from": "2026-01-10T00:00:00+00:00", "sale_until": "2026-01-20T00:00:00+00:00"}
    show = await announced(client, world, starts_at="2026-02-01T20:00:00+00:00", **window)
    for day, state in ((1, "scheduled"), (10, "on-sale"), (20, "sale-ended")):
        at = datetime(2026, 1, day, tzinfo=UTC)
        world.clock = lambda at=at: at  # type: ignore[misc]
        found = await read(client, show)
        assert (found["state"], found["on_sale"]) == (state, state == "on-sale"), day
        bought = await client.post(PURCHASES, json=wanting(show, 1), headers=key(f"day{day}"))
        assert bought.is_success == (state == "on-sale")
        stock = (await client.post("/internal/tickets/availability", json={"show_id": show["show_id"]})).json()
        assert stock["on_sale"] == (state == "on-sale")
    world.clock = lambda: datetime(2026, 1, 15, tzinfo=UTC)
    await client.post(PURCHASES, json=wanting(show, 1), headers=key("last"))
    assert (await read(client, show))["state"] == "sold-out"
    world.clock = lambda: datetime(2026, 2, 2, 20, tzinfo=UTC)
    assert (await read(client, show))["state"] == "over"
    world.clock = lambda: NOW
    await client.post(f"/api/v1/shows/{show['show_id']}/cancellation", json={})
    assert ((await read(client, show))["state"], (await read(client, show))["on_sale"]) == ("cancelled", False)
    assert code(await change(client, show, name="Another")) == (409, "wrong-state")


async def test_a_show_that_is_over_sells_nothing(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Not a day after a start without an end, and not after the end; a new date sells again."""
    show = await announced(client, world, starts_at="2026-02-01T20:00:00+00:00")
    world.clock = lambda: datetime(2026, 2, 1, 21, tzinfo=UTC)
    assert (await client.post(PURCHASES, json=wanting(show, 1), headers=key("a"))).is_success
    world.clock = lambda: datetime(2026, 2, 2, 20, tzinfo=UTC)
    assert code(await client.post(PURCHASES, json=wanting(show, 1), headers=key("b"))) == (409, "not-on-sale")
    assert (await change(client, show, starts_at="2026-03-01T20:00:00+00:00")).is_success
    assert (await client.post(PURCHASES, json=wanting(show, 1), headers=key("c"))).is_success


async def test_a_show_is_postponed_after_its_sale_began(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """What was sold stays; one event has the details as they are now, and the same again is none."""
    show = await announced(client, world, **EVENING)
    bought = (await client.post(PURCHASES, json=wanting(show, 1), headers=key("a"))).json()["purchase_id"]
    await world.pay(bought)
    new = {"starts_at": "2026-05-01T20:00:00+02:00", "doors_at": None, "ends_at": "2026-05-01T23:00:00+02:00"}
    answer = await change(client, show, **new, name="Long Night", place="Hall 3")
    assert answer.json() == {
        "show_id": show["show_id"],
        "changed": ["doors_at", "ends_at", "name", "place", "starts_at"],
    }
    found = await read(client, show)
    assert (found["name"], found["place"], found["doors_at"]) == ("Long Night", "Hall 3", None)
    assert datetime.fromisoformat(found["over_at"]) == datetime(2026, 5, 1, 21, tzinfo=UTC)
    assert found["contact"] == EVENING["contact"]
    length = len(world.store.log)
    assert (await change(client, show, **new)).is_success
    assert len(world.store.log) == length
    assert (await client.get(f"{PURCHASES}/{bought}")).json()["state"] == "fulfilled"
    assert (await change(client, show, description=None)).is_success
    assert (await read(client, show))["description"] == ""


async def test_limits_change_for_later_sales(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """The limit per buyer counts from now on; a limit cannot be removed."""
    show = await announced(client, world)
    assert (await change(client, show, buyer_tickets_max=1, resell_refunded=True)).is_success
    found = await read(client, show)
    assert (found["buyer_tickets_max"], found["resell_refunded"], found["unnamed_share_percent"]) == (1, True, 100)
    wanted = wanting(show, 2, buyer={"email": "ann@example.org"})
    assert code(await client.post(PURCHASES, json=wanted, headers=key("a"))) == (409, "buyer-limit")
    for field in ("name", "buyer_tickets_max", "resell_refunded", "unnamed_share_percent"):
        assert code(await change(client, show, **{field: None})) == (422, "invalid-request")


async def test_a_show_of_before_has_no_details(
    client: httpx.AsyncClient, show: dict[str, Any], world: ApiWorld
) -> None:
    """It is on sale as ever: without a date it is never over."""
    world.clock = lambda: NOW + timedelta(days=10_000)
    found = await read(client, show)
    assert (found["state"], found["over_at"], found["place"], found["starts_at"]) == ("on-sale", None, "", None)
