"""The supply of each token and the root of each show, read from the chain in chunks; needs no key."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from adapters.solana.mint_layout import Mint, mint_of
from adapters.solana.rpc.client import ACCOUNTS_MAX, NodeClient
from adapters.solana.rpc.pool import NodePool
from adapters.solana.show_mints import root_in
from domain.tickets.leaf import TreeRoot


class ChainSupplies:
    """Reads the finalized supplies of many mints, and the roots in them.

    Raises TransientError for everything that is no good answer.
    All are read at the newest finalized slot that any node names, or later: a node that lags is not believed.
    """

    def __init__(self, nodes: NodePool | str) -> None:
        self._client = NodeClient(nodes)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the supply at each address that is a mint; leave the others out."""
        return {address: mint.supply for address, mint in (await self._mints(addresses)).items()}

    async def roots(self, show_mints: Sequence[str]) -> dict[str, TreeRoot]:
        """Return the root of tickets in each mint that has one."""
        found = {address: root_in(mint) for address, mint in (await self._mints(show_mints)).items()}
        return {address: root for address, root in found.items() if root is not None}

    async def _mints(self, addresses: Sequence[str]) -> dict[str, Mint]:
        mints: dict[str, Mint] = {}
        known = [key for key in map(_parse, addresses) if key is not None]
        since = await self._client.finalized_slot()
        for start in range(0, len(known), ACCOUNTS_MAX):
            chunk = known[start : start + ACCOUNTS_MAX]
            for address, account in zip(chunk, await self._client.finalized_accounts(chunk, since), strict=True):
                mint = mint_of(account)
                if mint is not None:
                    mints[str(address)] = mint
        return mints


def _parse(text: str) -> Pubkey | None:
    """Parse an address; None when the text is no address."""
    try:
        return Pubkey.from_string(text)
    except ValueError:
        return None
