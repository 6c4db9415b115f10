"""Submit signed bytes: send the same ones until they are final or can no longer land, and sign again only then."""

import asyncio
from collections.abc import Awaitable, Callable

from activities.core.ports import TransactionSender
from domain.tickets.token import SignedTransaction

RESEND_SECONDS = 2.0
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


async def land_once(
    chain: TransactionSender,
    signed: SignedTransaction | None,
    is_done: Callable[[SignedTransaction | None, int], Awaitable[bool]],
    sign: Callable[[SignedTransaction | None], Awaitable[SignedTransaction]],
) -> SignedTransaction | None:
    """Bring about one change on chain, once: land the newest signed bytes, and sign others only when these are dead.

    `is_done(signed, since)` reads, at a slot or later, whether the change has been made: then the bytes signed last
    have landed although no node may remember them. `sign(after)` signs and stores, unless others were stored since the
    dead ones, and returns the stored ones. Return the bytes signed last, None if the change was there and nothing was
    ever signed.
    """
    is_final = signed is not None and await chain.fate(signed.signature) == "finalized"
    while not is_final:
        dead_since = None if signed is None else await chain.dead_since(signed)
        if signed is None or dead_since is not None:
            if await is_done(signed, dead_since or 0):
                break
            signed = await sign(signed)
        is_final = await land(chain, signed)
    return signed
