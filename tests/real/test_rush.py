"""`boxoffice rush` on the whole real stack."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from devstack.stack import ROOT, Stack

pytestmark = pytest.mark.real
PNG = b"\x89PNG\r\n\x1a\n"
BUYERS, SEATS = 60, 20


@pytest.mark.timeout(240)
@pytest.mark.nightly
async def test_a_small_rush_sells_every_seat_once_and_tells_everybody(stack: Stack, tmp_path: Path) -> None:
    """Of sixty buyers twenty get a seat, forty are refused, none is left without an answer, and the invariants hold."""
    picture = tmp_path / "rush.png"
    flags = ["--buyers", str(BUYERS), "--seats", str(SEATS), "--data-dir", str(stack.folder), "--png", str(picture)]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "rush", *flags, "--json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, heard = await child.communicate()
    assert child.returncode == 0, heard.decode() + said.decode()
    document = json.loads(said)
    assert document["ok"] is True
    assert document["told"]["seat held"]["buyers"] == SEATS
    assert document["told"]["sold out"]["buyers"] == BUYERS - SEATS
    assert document["ends"] == {"fulfilled": SEATS}
    assert (document["stock"]["sold"], document["stock"]["held"]) == (SEATS, 0)
    assert document["purchases_at_rest"] == SEATS
    assert document["invariants_checked"] > SEATS
    assert picture.read_bytes().startswith(PNG)
