"""The supply of each token, read from the chain in chunks; needs no key."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from adapters.solana.mint_layout import mint_of
from adapters.solana.rpc.client import ACCOUNTS_MAX, NodeClient
from adapters.solana.rpc.pool import NodePool


class ChainSupplies:
    """Reads the finalized supply of many mints; raises TransientError for everything that is no good answer.

    All are read at the newest finalized slot that any node names, or later: a node that lags is not believed.
    """

    def __init__(self, nodes: NodePool | str) -> None:
        self._client = NodeClient(nodes)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the supply at each address that is a mint; leave the others out."""
        supplies: dict[str, int] = {}
        known = [key for key in map(_parse, addresses) if key is not None]
        since = await self._client.finalized_slot()
        for start in range(0, len(known), ACCOUNTS_MAX):
            chunk = known[start : start + ACCOUNTS_MAX]
            for address, account in zip(chunk, await self._client.finalized_accounts(chunk, since), strict=True):
                mint = mint_of(account)
                if mint is not None:
                    supplies[str(address)] = mint.supply
        return supplies


def _parse(text: str) -> Pubkey | None:
    """Parse an address; None when the text is no address."""
    try:
        return Pubkey.from_string(text)
    except ValueError:
        return None
