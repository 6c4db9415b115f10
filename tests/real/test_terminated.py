"""Terminate in the web UI runs no undo: the sweep finds what it leaves and brings each purchase to its end."""

import asyncio

import pytest

from tests.real.shop import Shop

pytestmark = pytest.mark.real
HOLD_SECONDS = 8
PATIENCE_SECONDS = 90


async def terminate(shop: Shop, purchase_id: str) -> None:
    engine = await shop.engine()
    await engine.get_workflow_handle(f"purchase/{purchase_id}").terminate("by an operator")


async def test_a_terminated_purchase_comes_to_its_end(shop: Shop) -> None:
    """Unpaid ones give everything back, paid ones are fulfilled, wherever they were terminated."""
    await shop.open(hold_seconds=HOLD_SECONDS)
    unpaid, paid_later, captured = [(await shop.buy(f"{shop.show_id}-{number}", 2)).json() for number in range(3)]
    for body in (unpaid, paid_later):
        await terminate(shop, body["purchase_id"])
    assert await shop.pay(paid_later["client_secret"]) == 200
    assert await shop.pay(captured["client_secret"]) == 200
    await shop.until(captured["purchase_id"], lambda seen: seen["state"] == "confirmed", 20)
    await terminate(shop, captured["purchase_id"])
    ids = [body["purchase_id"] for body in (unpaid, paid_later, captured)]
    ends = await asyncio.gather(*(shop.ended(purchase_id, PATIENCE_SECONDS) for purchase_id in ids))
    assert [end["state"] for end in ends] == ["cancelled", "fulfilled", "fulfilled"]
    assert await shop.check_sums(ids) == {"cancelled": 1, "fulfilled": 2}
