"""How signed bytes reach the chain: the same ones again and again, until they are final or can no longer land."""

import asyncio

from activities.core.ports import TransactionSender
from domain.tickets.token import SignedTransaction, TransactionFate

RESEND_SECONDS = 2.0
PENDING = frozenset({"processed", "confirmed"})  # on chain, and not final yet
POLL_SECONDS = 0.02  # the adapter asks a node ten times a second at most, for all that wait


async def has_expired(chain: TransactionSender, signed: SignedTransaction) -> bool:
    """Say whether the bytes are dead: expired without a trace, or failed; signing earlier could land twice."""
    return await _is_dead(chain, signed, await chain.fate(signed.signature))


async def _is_dead(chain: TransactionSender, signed: SignedTransaction, fate: TransactionFate) -> bool:
    if fate == "failed":
        return True
    return fate == "unknown" and await chain.block_height() > signed.last_valid_block_height


async def land(chain: TransactionSender, signed: SignedTransaction) -> bool:
    """Send the same bytes every two seconds until they are final or dead; says whether they are final."""
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
