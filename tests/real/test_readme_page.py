"""README's purchase by curl, word by word, on the real stack with the shows that `make up` puts on sale."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.docs.commands import Page, run
from tests.real.reader import at_stack
from tests.real.shop import Shop

pytestmark = pytest.mark.real
PAGE = Page.read("README.md").section("The API in one purchase")


async def test_readmes_commands_sell_a_verified_ticket(shop: Shop, tmp_path: Path) -> None:
    """The checkout opens, the card pays, the steps are told up to the end, and the chain has the ticket."""
    instead = await at_stack(shop, tmp_path, seeded=True)
    ran = await asyncio.to_thread(run, PAGE.commands("sh"), tmp_path, instead)
    first, *steps, last = ran.stdout.replace("}requires", "}\nrequires").splitlines()
    opened = json.loads(first)
    assert (opened["state"], opened["price"]["subtotal_minor"]) == ("awaiting-payment", 9_000)
    assert steps[0] == "requires_capture"
    assert steps[-1] == '"news": "Every ticket is minted, or a leaf, and the venue is credited."'
    assert all(step.startswith('"news": ') for step in steps[1:])  # steps known together are told together
    ended = await shop.get(f"/api/v1/purchases/{opened['purchase_id']}")
    assert ended["state"] == "fulfilled"
    assert last == f"True {ended['tickets'][0]['mint_address']}"
