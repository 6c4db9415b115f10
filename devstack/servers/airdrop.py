"""Airdrop of SOL to the payer on the dev chain, for rent and fees.

`python -m devstack.servers.airdrop` reads both from the environment, as the demo in containers does.
"""

import asyncio
import os
import time
from typing import Any

import base58
import httpx
from solders.keypair import Keypair

from devstack.config import SOLANA_RPC_URL
from devstack.supervisor.data_dir import PAYER_SECRET
from devstack.supervisor.probes import TRUSTS_NOBODY

LAMPORTS_PER_SOL = 1_000_000_000
PAYER_SOL_MIN = 100
AIRDROP_SOL = 1_000
SEED_BYTES = 32
SEED_HEX_CHARS = 64
CALL_SECONDS = 10.0
ARRIVAL_SECONDS_MAX = 15.0


class AirdropMissingError(RuntimeError):
    """The dev chain accepted the airdrop, but the balance did not rise in time."""


def address_of(seed_text: str) -> str:
    """Return the address of a 32-byte seed in hex or base58."""
    seed = bytes.fromhex(seed_text) if len(seed_text) == SEED_HEX_CHARS else base58.b58decode(seed_text)
    return str(Keypair.from_seed(seed[:SEED_BYTES]).pubkey())


async def _call(client: httpx.AsyncClient, rpc_url: str, method: str, *params: object) -> Any:
    answer = await client.post(rpc_url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    answer.raise_for_status()
    body = answer.json()
    if "error" in body:
        raise AirdropMissingError(f"{method} failed: {body['error']}")
    return body["result"]


async def fund_payer(rpc_url: str, payer_secret: str) -> dict[str, str]:
    """Airdrop `AIRDROP_SOL` to the payer if it has less than `PAYER_SOL_MIN`, and wait for them."""
    address = address_of(payer_secret)
    async with httpx.AsyncClient(timeout=CALL_SECONDS, trust_env=False, verify=TRUSTS_NOBODY) as client:

        async def has_enough() -> bool:
            balance = await _call(client, rpc_url, "getBalance", address, {"commitment": "confirmed"})
            return int(balance["value"]) >= PAYER_SOL_MIN * LAMPORTS_PER_SOL

        if await has_enough():
            return {}
        await _call(client, rpc_url, "requestAirdrop", address, AIRDROP_SOL * LAMPORTS_PER_SOL)
        until = time.monotonic() + ARRIVAL_SECONDS_MAX
        while time.monotonic() < until:
            if await has_enough():
                return {}
            await asyncio.sleep(0.1)
    raise AirdropMissingError(f"the payer {address} has less than {PAYER_SOL_MIN} SOL after an airdrop")


if __name__ == "__main__":
    asyncio.run(fund_payer(os.environ[SOLANA_RPC_URL], os.environ[PAYER_SECRET]))
