"""The keys that the chain names now: during a rotation some tokens still name one of ours from before it."""

from solders.pubkey import Pubkey

from adapters.solana.mint_layout import Mint
from adapters.solana.rpc.client import NodeClient
from adapters.solana.signer.keys import KeyAddresses


class Authorities:
    """Reads which key of ours may act on a mint; asks the chain only while there are retired keys."""

    def __init__(self, client: NodeClient, keys: KeyAddresses) -> None:
        self._client = client
        self._keys = keys

    async def over_group(self, address: str) -> Pubkey:
        """Return the key that may add members to a group and resize it."""
        mint = await self._read(address)
        named = None if mint is None else mint.group_authority()
        return named if named in self._keys.retired else self._keys.issuer

    async def over_metadata(self, address: str) -> Pubkey:
        """Return the key that may write the metadata of a mint."""
        mint = await self._read(address)
        named = None if mint is None else mint.metadata_authority()
        return named if named in self._keys.retired else self._keys.issuer

    async def over_token(self, address: str) -> Pubkey:
        """Return the permanent delegate of a ticket's mint."""
        mint = await self._read(address)
        named = None if mint is None else mint.delegate()
        return named if named in self._keys.retired else self._keys.delegate

    async def _read(self, address: str) -> Mint | None:
        return await self._client.read_mint(address) if self._keys.retired else None
