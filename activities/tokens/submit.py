"""Submit signed bytes: send the same ones repeatedly until they are final or can no longer land."""

import asyncio

from activities.core.ports import TransactionSender
from domain.tickets.token import SignedTransaction, TransactionFate

RESEND_SECONDS = 2.0
PENDING = frozenset({"processed", "confirmed"})  # on chain, and not final yet
POLL_SECONDS = 0.02  # the adapter calls the node at most ten times a second, for all waiting mints


async def has_expired(chain: TransactionSender, signed: SignedTransaction) -> bool:
    """Return whether the bytes can no longer land: expired or failed. Signing again earlier could mint twice."""
    return await _is_dead(chain, signed, await chain.fate(signed.signature))


async def _is_dead(chain: TransactionSender, signed: SignedTransaction, fate: TransactionFate) -> bool:
    if fate == "failed":
        return True
    return fate == "unknown" and await chain.block_height() > signed.last_valid_block_height


async def land(chain: TransactionSender, signed: SignedTransaction) -> bool:
    """Send the same bytes every two seconds until final or unable to land; return whether they are final."""
    now = asyncio.get_running_loop().time
    resend_at = now()
    while True:
        if now() >= resend_at:
            await chain.send(signed)
            resend_at = now() + RESEND_SECONDS
        fate = await chain.fate(signed.signature)
        if fate == "finalized":
            return True
        if await _is_dead(chain, signed, fate):
            return False
        await asyncio.sleep(POLL_SECONDS)
