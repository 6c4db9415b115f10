"""`kill -9` of the worker at every step of a purchase, before the effect and after it."""

import asyncio
import sys
from pathlib import Path

import pytest

from devstack.stack import running_stack
from tests.real.crashing_worker import POINTS
from tests.real.shop import Shop

pytestmark = pytest.mark.real
FORWARD = (
    "reserve_seats",
    "place_order",
    "create_tickets",
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
UNDO = ("cancel_payment", "void_tickets", "cancel_order", "release_seats")
UP = (sys.executable, "-m", "tests.real.crashing_up")


def arm(folder: Path, names: tuple[str, ...], moment: str) -> None:
    for name in names:
        (folder / f"{name}.{moment}").touch()


async def opened(shop: Shop, key: str) -> dict[str, str]:
    """Buy; while the worker dies, the answer may have to be read at the status URL."""
    body = (await shop.buy(key)).json()
    async with asyncio.timeout(100):
        while "client_secret" not in body or body["client_secret"] is None:
            await asyncio.sleep(0.2)
            body = await shop.purchase(body["purchase_id"])
    return body


@pytest.mark.timeout(240)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_killed_worker_loses_no_purchase(tmp_path: Path, moment: str) -> None:
    """The worker is killed once at each step; every purchase ends right, and all sums agree."""
    points = tmp_path / "points"
    points.mkdir()
    env = {POINTS: str(points), "BOXOFFICE_SAGA__POLL_SECONDS": "3"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open()
        arm(points, FORWARD + UNDO, moment)
        bodies = await asyncio.gather(*(opened(shop, f"kill-{number}") for number in range(4)))
        ids = [body["purchase_id"] for body in bodies]
        await shop.http.delete(f"/api/v1/purchases/{ids[0]}")
        await asyncio.gather(*(shop.pay(body["client_secret"]) for body in bodies[1:]))
        await asyncio.gather(*(shop.ended(purchase_id, 200) for purchase_id in ids))
        assert list(points.iterdir()) == []
        assert await shop.check_sums(ids) == {"fulfilled": 3, "cancelled": 1}
        assert stack.facts["parts"]["worker"]["restarts"] >= len(FORWARD + UNDO)
