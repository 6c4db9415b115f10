"""The crash columns on the real stack for scenes that differ from a sale at Stripe: refused, refunded, and free."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from devstack.stack import running_stack
from tests.matrix.every_scene import SCENES
from tests.matrix.killing import Killing, Record
from tests.matrix.test_real_outside import switch
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(600),
]
PLAYED = ("refused capture", "refunded", "free")
WEBHOOK_MS = 10_000
PATIENCE_SECONDS = 300


async def opened(shop: Shop, key: str) -> str:
    """Buy, and wait for a checkout; return its client secret."""
    await shop.buy(key)
    purchase_id = shop.id_of_key("pu", key)
    seen = await shop.until(purchase_id, lambda now: bool(now.get("client_secret")), PATIENCE_SECONDS)
    return str(seen["client_secret"])


async def play(shop: Shop, scene: str, key: str) -> str:
    """Play a purchase without polls; return its end."""
    purchase_id = shop.id_of_key("pu", key)
    if scene == "free":
        await shop.buy(key)
    else:
        secret = await opened(shop, key)
        assert await shop.pay(secret) == httpx.codes.OK
    if scene == "refused capture":  # before the delayed webhook event comes
        intent = f"/_emulator/payment_intents/{secret.partition('_secret')[0]}"
        await switch(shop, "stripe", f"{intent}/fail_capture", {"how": "decline"})
    if scene == "refunded":  # the cancel comes when the money is captured and the purchase has not read it yet
        (await shop.http.delete(f"/api/v1/purchases/{purchase_id}")).raise_for_status()
    ended = await shop.ended(purchase_id, PATIENCE_SECONDS)
    return f"{ended['state']}: {ended['end_reason']}" if ended["end_reason"] else str(ended["state"])


async def test_a_killed_worker_where_scenes_part(tmp_path: Path, record_property: Record) -> None:
    """Each activity that differs from a sale's survives a `kill -9` before and after its effect."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    env = {POINTS: str(points), "BOXOFFICE_SAGA__POLL_SECONDS": "600"}
    scenes = {scene.name: scene for scene in SCENES if scene.name in PLAYED}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        shops = {name: Shop(stack, shop.http) for name in PLAYED}
        await shops["refused capture"].open()
        await shops["refunded"].open(capture_method="automatic")
        await shops["free"].open(price_minor=0)
        capturable, succeeded = (f"payment_intent.{name}" for name in ("amount_capturable_updated", "succeeded"))
        for event, kind in ((capturable, f"delay:{WEBHOOK_MS}"), (succeeded, "lost")):
            await switch(shop, "stripe", "/_emulator/faults", {"event": event, "kind": kind, "count": 100})
        wanted = [
            (name, activity, f"p-{name}-{activity}".replace(" ", "-"))
            for name in PLAYED
            for activity in scenes[name].row.reaches
        ]
        for name, activity, key in wanted:
            workflow_id = f"purchase/{shop.id_of_key('pu', key)}"
            killing.around(name, activity, workflow_id, scenes[name].ends)
        ends = await asyncio.gather(*(play(shops[name], name, key) for name, _, key in wanted))
        assert ends == [scenes[name].ends for name, _, _ in wanted]
        await killing.all_reached(PATIENCE_SECONDS)
        for scene in PLAYED:
            mine = [shop.id_of_key("pu", key) for name, _, key in wanted if name == scene]
            await shops[scene].check_sums(mine)
        killing.judge()
