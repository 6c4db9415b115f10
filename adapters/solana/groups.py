"""Group sizes: the members of an on-chain group, its limit, and transactions that change the limit."""

from solders.pubkey import Pubkey

from adapters.solana.instructions import resize_group
from adapters.solana.rpc.client import NodeClient
from adapters.solana.signer.signing import TransactionSigner
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class GroupResizer:
    """Reads and changes the size limit of groups, over which the issuer has the authority."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its limit; None when there is no group."""
        mint = await self._client.read_mint(address)
        members, size_max = (None, None) if mint is None else mint.group_sizes()
        return None if members is None or size_max is None else (members, size_max)

    async def sign(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit; raise TransientError when the node would refuse it.

        It does when members were added since the size was read.
        """
        authority = await self._signer.authorities.over_group(address)
        instruction = resize_group(Pubkey.from_string(address), authority, size_max)
        signed, result = await self._signer.sign_and_simulate(address, instruction)
        if result.err is not None:
            raise TransientError(f"the group {address} cannot be resized to {size_max} now: {result.err}")
        return signed
