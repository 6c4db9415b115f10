"""The route that changes capacities."""

from typing import Any

import httpx

from domain.stock.allocation import Allocation
from tests.api.routes.on_sale import code, key, wanting
from tests.fakes.shop_world import ApiWorld


async def change(client: httpx.AsyncClient, show: dict[str, Any], *capacities: int) -> httpx.Response:
    name = show["ticket_types"][0]["ticket_type_id"]
    types = [{"ticket_type_id": name, "capacity": capacity} for capacity in capacities]
    return await client.put(f"/api/v1/shows/{show['show_id']}/capacity", json={"ticket_types": types})


async def test_a_change_is_begun_once(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> None:
    """The same request again is the same change, another one is refused meanwhile; the show has the progress."""
    for _ in range(2):
        answer = await change(client, show, 9)
        assert (answer.status_code, answer.json()["number"]) == (202, 1)
    assert world.engine.told.count(("change_capacity", f"{show['show_id']}/1")) == 2
    assert code(await change(client, show, 8)) == (409, "wrong-state")
    seen = (await client.get(f"/api/v1/shows/{show['show_id']}")).json()
    assert seen["capacity_change"]["state"] == "under-way"
    assert seen["ticket_types"][0]["capacity"] == 5


async def test_fewer_than_are_held_is_refused(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """At once, with the figures; other changes of the show stay possible."""
    await client.post("/api/v1/purchases", json=wanting(show, 3), headers=key("p"))
    refused = await change(client, show, 2)
    assert code(refused) == (409, "wrong-state")
    assert refused.json()["values"]["held"] == 3
    assert (await change(client, show, 3)).status_code == httpx.codes.ACCEPTED


async def test_a_show_shows_what_its_stock_has(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """The show's capacity and availability are those of its stock."""
    name = show["ticket_types"][0]["ticket_type_id"]
    await world.store.commit(lambda uow: uow.get(Allocation, name).resize(8, uow.at))
    seen, _ = (await client.get(f"/api/v1/shows/{show['show_id']}")).json()["ticket_types"]
    assert (seen["capacity"], seen["available"]) == (8, 8)


async def test_without_the_engine_the_same_request_again_starts_it(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """The change is recorded, and the answer is 503 with a retry."""
    world.engine.away = True
    assert code(await change(client, show, 9)) == (503, "try-again")
    world.engine.away = False
    assert (await change(client, show, 9)).json()["number"] == 1


async def test_bad_bodies_are_refused(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """No type, the same type twice, a capacity of 0."""
    for capacities in ((), (3, 4), (0,)):
        assert code(await change(client, show, *capacities)) == (422, "invalid-request")
