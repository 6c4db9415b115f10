"""The apps of a process share their routes and nothing else."""

from tests.fakes.api_client import api_client, app_over, document
from tests.fakes.shop_world import ApiWorld


async def test_each_app_answers_from_its_own_dependencies() -> None:
    """What one app records, another does not know, before and after."""
    here, there = ApiWorld(), ApiWorld()
    first, second = app_over(here.deps()), app_over(there.deps())
    async with api_client(first) as client, api_client(second) as other:
        made = await client.post("/api/v1/venues", json={"name": "Here"}, headers={"Idempotency-Key": "k"})
        assert made.is_success
        path = f"/api/v1/venues/{made.json()['venue_id']}"
        assert [(await asked.get(path)).status_code for asked in (client, other)] == [200, 404]
    assert (len(here.store.log), len(there.store.log)) == (1, 0)


async def test_an_app_has_the_routes_of_the_description() -> None:
    """It serves the OpenAPI document that the answers are checked with."""
    async with api_client(app_over(ApiWorld().deps())) as client:
        assert (await client.get("/openapi.json")).json() == document()
