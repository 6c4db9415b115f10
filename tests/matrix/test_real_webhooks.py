"""The crash columns on the real stack for deliveries to webhook endpoints, and for letters; in `make matrix` only."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from devstack.stack import running_stack
from tests.matrix import scenes_letters
from tests.matrix.killing import Killing, Record
from tests.matrix.scenes_webhooks import SCENES
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.scenes_webhooks import events_delivered

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(900),
]


async def test_a_killed_worker_delivers_events(tmp_path: Path, record_property: Record) -> None:
    """Deliveries survive a `kill -9` before and after each activity: the receiver gets every event, in order."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    env = {POINTS: str(points), "BOXOFFICE_WEBHOOKS__ALLOW_PRIVATE": "true"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        for scene in SCENES:
            for name in scene.row.reaches:
                killing.anywhere(scene.name, name, scene.ends)
        await events_delivered(shop)
        await killing.all_reached(10)
        killing.judge()


async def test_a_killed_worker_sends_letters(tmp_path: Path, record_property: Record) -> None:
    """A letter survives a `kill -9` before and after each activity: it arrives under one id."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    async with running_stack(tmp_path / "stack", env={POINTS: str(points)}, up=UP) as stack, Shop.at(stack) as shop:
        for scene in scenes_letters.SCENES:
            for name in scene.row.reaches:
                killing.anywhere(scene.name, name, scene.ends)
        await shop.open()
        bought = (await shop.buy("killed", buyer={"email": "ann@example.org"})).raise_for_status().json()
        opened = await shop.until(bought["purchase_id"], lambda now: bool(now.get("client_secret")), 120)
        await shop.pay(opened["client_secret"])
        await killing.all_reached(400)
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=stack.urls["inbox"]) as inbox:
            while not (letters := (await inbox.get("/letters.json")).json()):  # noqa: ASYNC110 - another process sends
                await asyncio.sleep(0.2)
        assert {letter["subject"] for letter in letters} == {"Your tickets for Show"}
        assert len({letter["message_id"] for letter in letters}) == 1
        killing.judge()
