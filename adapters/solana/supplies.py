"""How much there is of each token, read from the chain in chunks; needs no key."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from adapters.solana.instructions import TOKEN_2022
from adapters.solana.mint_layout import decode_mint
from adapters.solana.rpc import NodeClient, node_errors

CHUNK = 100  # the most accounts that a node answers at once
TIMEOUT_SECONDS = 20.0


class ChainSupplies:
    """Reads mints; whatever the node cannot answer is a transient error."""

    def __init__(self, rpc_url: str) -> None:
        self._client = NodeClient(rpc_url, TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the supply at each address that is a mint; the others are left out."""
        supplies: dict[str, int] = {}
        known = [key for key in map(_address, addresses) if key is not None]
        for start in range(0, len(known), CHUNK):
            chunk = known[start : start + CHUNK]
            with node_errors():
                found = (await self._client.get_multiple_accounts(chunk)).value
            for address, account in zip(chunk, found, strict=True):
                mint = decode_mint(bytes(account.data)) if account and account.owner == TOKEN_2022 else None
                if mint is not None:
                    supplies[str(address)] = mint.supply
        return supplies


def _address(text: str) -> Pubkey | None:
    """Read an address; a text that is none has no account."""
    try:
        return Pubkey.from_string(text)
    except ValueError:
        return None
