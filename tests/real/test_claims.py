"""Claims on the whole real stack: the token reaches the wallet that signed for it, and a refund takes it from there."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.solana.instructions import TOKEN_2022, associated_account, create_associated, move_one
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop
from tests.real.test_privacy import histories_with, logs_with, tables_with
from tests.real.test_refunds import sold, supply

pytestmark = pytest.mark.real


async def rpc(shop: Shop, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return (await shop.http.post(shop.stack.urls["solana_rpc"], json=call)).json()["result"]


async def held_by(shop: Shop, wallet: Keypair) -> list[str]:
    """Return the tokens in a wallet, as the node explains them to any wallet."""
    options = {"encoding": "jsonParsed", "commitment": "confirmed"}
    found = await rpc(shop, "getTokenAccountsByOwner", str(wallet.pubkey()), {"programId": str(TOKEN_2022)}, options)
    told = [one["account"]["data"]["parsed"]["info"] for one in found["value"]]
    return [info["mint"] for info in told if info["tokenAmount"]["amount"] == "1"]


async def claim_ended(shop: Shop, ticket_id: str, wanted: str = "done") -> Any:
    """Wait until a claim has ended; return the ticket."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (ticket := await shop.get(f"/api/v1/tickets/{ticket_id}"))["claim"] != wanted:  # noqa: ASYNC110 - HTTP
            await asyncio.sleep(0.2)
    return ticket


async def refund(shop: Shop, purchase_id: str, ticket_id: str) -> None:
    """Refund one ticket, to the end of its money and its token."""
    decided = (await shop.refund(purchase_id, f"refund-{ticket_id}", ticket_ids=[ticket_id])).json()
    await shop.refunded(purchase_id, decided["refund_id"])


async def test_a_claimed_token_is_in_its_wallet_until_a_refund_burns_it(shop: Shop, tmp_path: Path) -> None:
    """One ticket is refunded after its claim, one while it is claimed; the wallet is in no table, history or log."""
    await shop.open()
    bought = await sold(shop, "claims")
    purchase_id, (first, second) = bought["purchase_id"], [one["ticket_id"] for one in bought["tickets"]]
    ann, bob = Keypair(), Keypair()
    assert (await shop.claim(purchase_id, first, ann)).status_code == httpx.codes.ACCEPTED
    ticket = await claim_ended(shop, first)
    verified = await shop.get(f"/api/v1/tickets/{first}/verify")
    assert (verified["on_chain"], verified["token_holding"], verified["claim"]) == (True, "held", "done")
    assert (verified["token"]["owner_address"], ticket["generation"]) == (str(ann.pubkey()), 1)
    assert await held_by(shop, ann) == [ticket["mint_address"]]
    told = [str(ann.pubkey())]
    assert tables_with(shop.stack.urls["postgres"], told) == set()
    assert await histories_with(shop, told) == set()
    assert logs_with(shop.stack.folder, told) == set()

    assert (await shop.claim(purchase_id, second, bob)).status_code == httpx.codes.ACCEPTED
    await asyncio.gather(refund(shop, purchase_id, first), refund(shop, purchase_id, second))
    for ticket_id, wallet in ((first, ann), (second, bob)):
        ticket = await shop.get(f"/api/v1/tickets/{ticket_id}")
        assert (ticket["state"], ticket["token"]) == ("void", "burnt")
        assert (await supply(shop, ticket["mint_address"]), await held_by(shop, wallet)) == (0, [])
    assert (await shop.get(f"/api/v1/tickets/{first}"))["claim"] == "done"
    await shop.check_sums([purchase_id])


async def test_a_soulbound_token_is_minted_to_its_wallet_and_stays_there(shop: Shop) -> None:
    """Its holder cannot move it; a refund burns it all the same, and needs nothing of a ticket that nobody claimed."""
    await shop.open(transfer="soulbound")
    bought = await sold(shop, "soulbound")
    purchase_id, (first, second) = bought["purchase_id"], [one["ticket_id"] for one in bought["tickets"]]
    assert [one["token"] for one in bought["tickets"]] == ["none", "none"]
    wallet = Keypair()
    assert (await shop.claim(purchase_id, first, wallet)).status_code == httpx.codes.ACCEPTED
    ticket = await claim_ended(shop, first)
    assert await held_by(shop, wallet) == [ticket["mint_address"]]
    assert (await shop.get(f"/api/v1/tickets/{first}/verify"))["token_holding"] == "held"
    error = await move(shop, wallet, Pubkey.from_string(ticket["mint_address"]))
    assert error["InstructionError"][1] == {"Custom": 0x25}
    await shop.check_sums([purchase_id])
    await asyncio.gather(refund(shop, purchase_id, first), refund(shop, purchase_id, second))
    assert [(await shop.get(f"/api/v1/tickets/{one}"))["token"] for one in (first, second)] == ["burnt", "none"]
    assert await held_by(shop, wallet) == []
    await shop.check_sums([purchase_id])


async def move(shop: Shop, wallet: Keypair, mint: Pubkey) -> Any:
    """Let a holder try to move a token to another wallet; return the error of the node's simulation."""
    other, payer = Keypair().pubkey(), wallet.pubkey()
    await rpc(shop, "requestAirdrop", str(payer), 10**9)
    source, target = associated_account(payer, mint), associated_account(other, mint)
    steps = [create_associated(payer, other, mint), move_one(mint, source, target, payer)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            latest = Hash.from_string((await rpc(shop, "getLatestBlockhash"))["value"]["blockhash"])
            signed = VersionedTransaction(Message.new_with_blockhash(steps, payer, latest), [wallet])
            wire = base64.b64encode(bytes(signed)).decode()
            found = (await rpc(shop, "simulateTransaction", wire, {"encoding": "base64"}))["value"]["err"]
            if isinstance(found, dict) and "InstructionError" in found:
                return found
            await asyncio.sleep(0.2)
