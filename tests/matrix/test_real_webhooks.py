"""The crash columns on the real stack for deliveries to a webhook endpoint. Runs in `make matrix` only."""

import os
from pathlib import Path

import pytest

from devstack.stack import running_stack
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
