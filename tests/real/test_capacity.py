"""A show on sale gets more tickets and then fewer, on the real stack."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def change(shop: Shop, capacity: int) -> httpx.Response:
    types = [{"ticket_type_id": shop.seat, "capacity": capacity}]
    return await shop.http.put(f"/api/v1/shows/{shop.show_id}/capacity", json={"ticket_types": types})


async def changed(shop: Shop, capacity: int) -> Any:
    answer = await change(shop, capacity)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            show = await shop.show()
            if show["capacity_change"]["state"] != "under-way":
                return show
            await asyncio.sleep(0.1)


@pytest.mark.nightly
async def test_more_tickets_and_then_fewer(shop: Shop) -> None:
    """A sold-out show sells added tickets, the chain's group grows, and the capacity stays above the sold seats."""
    await shop.open(capacity=1)
    ids = []
    for number in range(2):
        body = (await shop.buy(f"{shop.show_id}-{number}")).json()
        assert await shop.pay(body["client_secret"]) == httpx.codes.OK
        assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
        ids.append(body["purchase_id"])
        if number == 0:
            assert (await shop.buy(f"{shop.show_id}-none")).status_code == httpx.codes.CONFLICT
            (seat,) = (await changed(shop, 3))["ticket_types"]
            assert (seat["capacity"], seat["available"]) == (3, 2)
    refused = await change(shop, 1)
    assert (refused.status_code, refused.json()["values"]["sold"]) == (409, 2)
    (seat,) = (await changed(shop, 2))["ticket_types"]
    assert (seat["capacity"], seat["available"]) == (2, 0)
    shop.capacity = 2
    assert await shop.check_sums(ids) == {"fulfilled": 2}
