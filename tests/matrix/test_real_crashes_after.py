"""The crash columns on the real stack for workflows after a sale: refunds, a cancelled show, disputes, settlement.

Runs in `make matrix` only.
"""

import asyncio
import os
from pathlib import Path

import pytest

from devstack.stack import running_stack
from tests.matrix.every_scene import SCENES
from tests.matrix.killing import Killing, Record
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.scenes_money import MONEY, metadata_pinned

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(900),
]
PLAYED = (
    "refund", "refund, seats resold", "show cancelled", "order of a cancelled show", "onboarding", "transfers",
    "payout", "dispute", "dispute, an operator looks", "claim",
)  # fmt: skip
PATIENCE_SECONDS = 300


async def test_a_killed_worker_after_the_sale(tmp_path: Path, record_property: Record) -> None:
    """Each workflow survives a `kill -9` before and after the effect of each activity; all sums agree."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    env = {POINTS: str(points), "BOXOFFICE_SAGA__POLL_SECONDS": "3"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack:
        for scene in SCENES:
            if scene.name in PLAYED:
                for name in set(scene.reaches) - set(scene.same):
                    killing.anywhere(scene.name, name, scene.ends)
        for play in MONEY:
            if play is metadata_pinned:
                continue  # test_real_crashes plays it, beside a node of IPFS
            async with Shop.at(stack) as shop, asyncio.timeout(PATIENCE_SECONDS):
                await play(shop)
        await killing.all_reached(10)
        killing.judge()
