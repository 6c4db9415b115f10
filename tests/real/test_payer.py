"""The payer runs dry on the real stack: one alarm, a pause, no more sales, and an end by itself."""

import asyncio
import json
import sys
from base64 import b64encode
from pathlib import Path

import httpx
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from devstack.stack import Stack, running_stack
from devstack.supervisor.data_dir import PAYER_SECRET
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [pytest.mark.real, pytest.mark.nightly]

SOL = 10**9
LOW_SOL = 500
ENV = {
    **QUICK,
    "BOXOFFICE_SOLANA__PAYER_LOW_LAMPORTS": str(LOW_SOL * SOL),
    "BOXOFFICE_SOLANA__PAYER_EVERY_SECONDS": "1",
    "BOXOFFICE_SOLANA__STOP_UNFUNDED_SALE": "true",
}


async def call(stack: Stack, method: str, *params: object) -> object:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return (await http.post(stack.urls["solana_rpc"], json=body)).json()["result"]


async def drain(stack: Stack) -> str:
    """Send nearly all of the payer's money away; return its address."""
    payer = Keypair.from_seed(bytes.fromhex(stack.env[PAYER_SECRET]))
    latest = await call(stack, "getLatestBlockhash", {"commitment": "processed"})
    blockhash = Hash.from_string(latest["value"]["blockhash"])  # type: ignore[index]
    away = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=Keypair().pubkey(), lamports=900 * SOL))
    signed = VersionedTransaction(Message.new_with_blockhash([away], payer.pubkey(), blockhash), [payer])
    await call(stack, "sendTransaction", b64encode(bytes(signed)).decode(), {"encoding": "base64"})
    return str(payer.pubkey())


async def status(folder: Path, show_id: str) -> dict[str, object]:
    command = (sys.executable, "-m", "cli.main", "mint", "status", show_id, "--data-dir", str(folder), "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    found: dict[str, object] = json.loads(out)
    return found


async def until_paused(folder: Path, show_id: str, *, paused: bool) -> dict[str, object]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await status(folder, show_id)
            payer = found["payer"]
            if isinstance(payer, dict) and (payer["low_since"] is not None) == paused:
                return found
            await asyncio.sleep(0.5)


async def test_a_sale_outlives_an_empty_payer(tmp_path: Path) -> None:
    """A paid ticket waits for its token without an operator's act; the door is shut until money comes."""
    async with running_stack(tmp_path, env=ENV, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open(capacity=10)
        body = (await shop.buy(f"{shop.show_id}-1")).json()
        payer = await drain(stack)
        await until_paused(tmp_path, shop.show_id, paused=True)
        assert await shop.pay(body["client_secret"]) == httpx.codes.OK
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await status(tmp_path, shop.show_id))["owed"] != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        assert (found["minted"], found["in_flight"]) == (0, 0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (refused := await shop.buy(f"{shop.show_id}-2")).status_code != httpx.codes.CONFLICT:  # noqa: ASYNC110
                await asyncio.sleep(1)
        assert refused.json()["type"] == "urn:boxoffice:problem:minting-unfunded"
        await call(stack, "requestAirdrop", payer, 900 * SOL)
        assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
        await until_paused(tmp_path, shop.show_id, paused=False)
        log = (tmp_path / "logs" / "worker.log").read_text()
        assert (log.count("ALARM: minting pauses"), log.count("minting goes on")) == (1, 1)
