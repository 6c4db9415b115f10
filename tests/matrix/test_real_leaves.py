"""The crash columns on the real stack for shows that mint on claim. Runs in `make matrix` only."""

import os
from pathlib import Path

import pytest

from devstack.stack import running_stack
from tests.matrix.every_scene import SCENES
from tests.matrix.killing import Killing, Record
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.scenes import roots_written, sold_on_claim

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(900),
]
PLAYED = ("sale on claim", "root")


async def test_a_killed_worker_of_leaves(tmp_path: Path, record_property: Record) -> None:
    """Leaves survive a `kill -9` before and after the effect of each activity; all sums agree."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    env = {POINTS: str(points), "BOXOFFICE_SOLANA__ROOTS_EVERY_SECONDS": "1"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        for scene in SCENES:
            if scene.name in PLAYED:
                for name in scene.row.reaches:
                    killing.anywhere(scene.name, name, scene.ends)
        await sold_on_claim(shop)
        await roots_written(shop)
        await killing.all_reached(10)
        killing.judge()
