"""A proof in words: what the chain has just said about a ticket."""

import re
from typing import Any

import httpx
import pytest

from activities.tokens.metadata import cid_of
from api.shop.progress import proof_sentence
from domain.catalog.show import Show
from domain.tickets.has_token import Drawing
from domain.tickets.token import TokenState
from tests.api.shop.test_pages import ordered, tickets_of
from tests.fakes.shop_world import ApiWorld

LEAF = {"on_chain": True, "ended_by": None, "root_signature": "s", "proof": {"index": 0}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on_chain": True, "token_holding": "held"}, "made for this ticket."),
        ({"on_chain": True, "token_holding": "held-elsewhere"}, "Another wallet"),
        ({"on_chain": False, "token_holding": "burnt"}, "destroyed"),
        ({"leaf": LEAF}, "in the list"),
        ({"leaf": {**LEAF, "on_chain": False, "proof": None}}, "not on chain yet"),
        ({}, "not on chain yet"),
    ],
)
def test_the_sentence_says_what_the_chain_has(fields: dict[str, Any], words: str) -> None:
    """A token, a leaf of the show's list, or neither yet."""
    ticket: Any = {"on_chain": False, "token_holding": None, "leaf": None, **fields}
    assert words in proof_sentence(ticket)


async def test_a_ticket_has_its_picture_and_its_proof(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """The picture of its type, once one is drawn; the chain is asked for the proof alone, and may be away."""
    path, other = await ordered(browser, show), await ordered(browser, show)
    for paid in (path, other):
        await world.pay(paid.rpartition("/")[2])
    assert "/ipfs/" not in (await browser.get(path)).text
    image = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    drawing = Drawing(show["ticket_types"][0]["ticket_type_id"], cid_of(b"{}"), "{}", cid_of(image.encode()), image)
    await world.store.commit(lambda uow: uow.get(Show, show["show_id"]).draw(drawing, uow.at))
    page = (await browser.get(path)).text
    (source, *_) = re.findall(r'class="picture" src="([^"]+)"', page)
    assert (await browser.get(source)).text == image
    (first, *_), (strange, *_) = await tickets_of(world, path), await tickets_of(world, other)
    proof = f"{path}/tickets/{first}/proof"
    assert proof in page
    token = {"address": f"mint-of-{first}", "supply": 1, "decimals": 0, "owner_address": None, "group_address": "g"}
    world.tokens[first] = TokenState(**token, uri="ipfs://bafk", holding="held")
    shown = (await browser.get(proof)).text
    assert all(text in shown for text in ("Read from the chain just now", f"mint-of-{first}", 'href="/ipfs/bafk"'))
    assert "It gives entry" in shown
    world.chain_is_away = True
    away = await browser.get(proof)
    assert (away.status_code, "Your ticket is valid all the same" in away.text) == (503, True)
    assert (await browser.get(path)).status_code == 200
    assert (await browser.get(f"{path}/tickets/{strange}/proof")).status_code == 404
