"""The supply of each token, read from the chain in chunks; needs no key."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from adapters.solana.mint_layout import mint_of
from adapters.solana.rpc import NodeClient, translate_node_errors

CHUNK = 100  # a node answers for at most this many accounts in one call
TIMEOUT_SECONDS = 20.0


class ChainSupplies:
    """Reads the supply of many mints; raises TransientError for every error of the network or the node."""

    def __init__(self, rpc_url: str) -> None:
        self._client = NodeClient(rpc_url, TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the supply at each address that is a mint; leave the others out."""
        supplies: dict[str, int] = {}
        known = [key for key in map(_parse, addresses) if key is not None]
        for start in range(0, len(known), CHUNK):
            chunk = known[start : start + CHUNK]
            with translate_node_errors():
                found = (await self._client.get_multiple_accounts(chunk)).value
            for address, account in zip(chunk, found, strict=True):
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
