"""Submit signed bytes: send the same ones repeatedly until they are final or can no longer land."""

import asyncio

from activities.core.ports import TransactionSender
from domain.tickets.token import SignedTransaction

RESEND_SECONDS = 2.0
PENDING = frozenset({"processed", "confirmed"})  # on chain, and not final yet
POLL_SECONDS = 0.02  # the adapter calls the node at most ten times a second, for all waiting mints
PROVABLE = frozenset({"unknown", "failed"})  # the fates for which the chain may prove that bytes are dead


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
        if fate in PROVABLE and await chain.dead_since(signed) is not None:
            return False
        await asyncio.sleep(POLL_SECONDS)
