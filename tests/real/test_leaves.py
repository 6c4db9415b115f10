"""Tickets of a show that mints on claim, on the whole real stack: sold, proved, claimed once, refunded."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair

from tests.contract.test_proofs import checked
from tests.real.shop import Shop
from tests.real.test_claims import claim_ended, held_by, refund
from tests.real.test_refunds import sizes, sold, supply

pytestmark = pytest.mark.real
ROOT_SECONDS = 120


async def leaf(shop: Shop, ticket_id: str) -> Any:
    """Return a ticket's leaf, as `/verify` tells it."""
    return (await shop.get(f"/api/v1/tickets/{ticket_id}/verify"))["leaf"]


async def leaf_that(shop: Shop, ticket_id: str, *, on_chain: bool) -> Any:
    """Wait until the root on chain has a leaf, or has it no more."""
    async with asyncio.timeout(ROOT_SECONDS):
        while (found := await leaf(shop, ticket_id))["on_chain"] != on_chain:  # noqa: ASYNC110 - HTTP
            await asyncio.sleep(0.5)
    return found


async def prove(shop: Shop, ticket_id: str) -> tuple[int, Any]:
    """Run `boxoffice ticket prove`; return its exit code and the proof."""
    words = (sys.executable, "-m", "cli.main", "ticket", "prove", ticket_id, "--json")
    child = await asyncio.create_subprocess_exec(
        *words, "--data-dir", str(shop.stack.folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await child.communicate()
    assert out or b"no leaf" in err, err.decode()
    return child.returncode or 0, json.loads(out) if out else None


async def test_a_leaf_is_proved_claimed_once_and_refunded(shop: Shop, tmp_path: Path) -> None:
    """The chain alone proves it until a claim or a refund ends it; the claim mints one token, which a refund burns."""
    await shop.open(minting="on_claim")
    bought = await sold(shop, "leaves", 3)
    purchase_id, (claimed, early, kept) = bought["purchase_id"], [one["ticket_id"] for one in bought["tickets"]]
    rpc_url = shop.stack.urls["solana_rpc"]
    proofs = {one: (await leaf_that(shop, one, on_chain=True))["proof"] for one in (claimed, early, kept)}
    for proof in proofs.values():
        assert checked(proof, rpc_url, tmp_path) == "proved"
    assert await prove(shop, kept) == (0, proofs[kept])

    wallet, other = Keypair(), Keypair()
    assert (await shop.claim(purchase_id, claimed, wallet)).status_code == httpx.codes.ACCEPTED
    await refund(shop, purchase_id, early)  # before any claim
    ticket = await claim_ended(shop, claimed)
    mint = ticket["mint_address"]
    assert await held_by(shop, wallet) == [mint]
    assert (await supply(shop, mint), (await sizes(shop, proofs[kept]["show_mint"]))[0]) == (1, 1)
    again = await shop.http.post(f"/api/v1/tickets/{claimed}/claim-challenges", json={"wallet": str(other.pubkey())})
    assert again.status_code == httpx.codes.CONFLICT, again.text

    ended = [await leaf_that(shop, one, on_chain=False) for one in (claimed, early)]
    assert [(one["ended_by"], one["proof"]) for one in ended] == [("claim", None), ("refund", None)]
    for one in (claimed, early):
        assert checked(proofs[one], rpc_url, tmp_path) == "NOT proved"
    assert await prove(shop, claimed) == (1, None)
    assert checked((await leaf(shop, kept))["proof"], rpc_url, tmp_path) == "proved"
    verified = await shop.get(f"/api/v1/tickets/{claimed}/verify")
    assert (verified["on_chain"], verified["token_holding"], verified["valid"]) == (True, "held", True)

    await refund(shop, purchase_id, claimed)  # after its claim
    tickets = [await shop.get(f"/api/v1/tickets/{one}") for one in (claimed, early, kept)]
    assert [(one["state"], one["token"]) for one in tickets] == [
        ("void", "burnt"),
        ("void", "none"),
        ("issued", "none"),
    ]
    assert (await supply(shop, mint), await held_by(shop, wallet)) == (0, [])
    await shop.check_sums([purchase_id])
