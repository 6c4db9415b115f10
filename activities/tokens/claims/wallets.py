"""Check a buyer's wallet: refuse an address that is nobody's, without letting a sale wait for the chain."""

import asyncio
from typing import Protocol

from domain.core.transient import TransientError

SECONDS_MAX = 1.0


class WalletReader(Protocol):
    """The chain, as the check of a wallet needs it."""

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet for a program, a mint, a token account, or a point that is nobody's.

        Raise it for an address off the curve, too, unless it is said to be a `vault`. An address without an account is
        fine. What the address itself tells is judged before the node is asked, which may raise TransientError.
        """


class WalletCheck:
    """Checks the wallets of requests."""

    def __init__(self, chain: WalletReader, seconds_max: float = SECONDS_MAX) -> None:
        self._chain = chain
        self._seconds_max = seconds_max

    async def check(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet for an address that is nobody's.

        A node that does not answer in time stops no sale: the mint asks again, and mints to custody where it must.
        """
        try:
            async with asyncio.timeout(self._seconds_max):
                await self._chain.check_wallet(address, vault=vault)
        except (TransientError, TimeoutError):
            return
