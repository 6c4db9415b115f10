"""`kill -9` of the worker at every step of a purchase, before and after its effect."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import running_stack
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = pytest.mark.real
FORWARD = (
    "place_order",
    "create_intent",
    "look_at_intent",
    "confirm_seats",
    "capture_payment",
    "confirm_order",
    "mint_ticket",
    "settle_sale",
    "settle_mint",
    "close_checkout",
    "fulfil_order",
)
BOUGHT, CANCELLED = 6, 3
UNDO = ("cancel_payment", "cancel_order")


async def opened(shop: Shop, key: str) -> dict[str, Any]:
    """Buy; while the worker is down, read the answer at the status URL."""
    body: dict[str, Any] = (await shop.buy(key)).json()
    if body.get("client_secret"):
        return body
    seen: dict[str, Any] = await shop.until(body["purchase_id"], lambda found: bool(found.get("client_secret")), 100)
    return seen


@pytest.mark.timeout(280)
@pytest.mark.nightly
async def test_a_killed_worker_loses_no_purchase(tmp_path: Path) -> None:
    """The worker is killed before and after the effect of each step; every purchase ends right, all sums agree."""
    points = tmp_path / "points"
    points.mkdir()
    env = {POINTS: str(points), "BOXOFFICE_SAGA__POLL_SECONDS": "3"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        names = [f"{name}.{moment}" for name in FORWARD + UNDO for moment in ("before", "after")]
        for name in names:
            (points / name).touch()
        bodies = await asyncio.gather(*(opened(shop, f"kill-{number}") for number in range(BOUGHT + CANCELLED)))
        ids = [body["purchase_id"] for body in bodies]
        await asyncio.gather(*(shop.http.delete(f"/api/v1/purchases/{each}") for each in ids[BOUGHT:]))
        await asyncio.gather(*(shop.pay(body["client_secret"]) for body in bodies[:BOUGHT]))
        await asyncio.gather(*(shop.ended(purchase_id, 240) for purchase_id in ids))
        assert list(points.iterdir()) == []
        assert await shop.check_sums(ids) == {"fulfilled": BOUGHT, "cancelled": CANCELLED}
        assert stack.status["processes"]["worker"]["restarts"] >= len(names) / len(ids)
