"""Burning: the issuer is the permanent delegate of a ticket's mint and burns its token in any account."""

from typing import Any

from solders.pubkey import Pubkey
from solders.transaction_status import TransactionErrorFieldless

from adapters.solana.instructions import burn_one
from adapters.solana.rpc import NodeClient, translate_node_errors
from adapters.solana.signing import SimulationError, TransactionSigner
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class TokenBurner:
    """Signs burns. The empty mint stays on chain, so that no token can be minted at its address again."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer

    async def supply_of(self, address: str) -> int | None:
        """Return the supply of a mint; None when there is no mint at the address."""
        mint = await self._client.read_mint(address)
        return None if mint is None else mint.supply

    async def sign(self, address: str) -> SignedTransaction:
        """Sign the burn of a mint's one token in the account that holds it now.

        Raise TransientError when no holder is found or the node cannot simulate.
        """
        mint = Pubkey.from_string(address)
        with translate_node_errors():
            holder = await self._holder_of(mint)
            signed, result = await self._signer.sign_and_simulate(address, burn_one(mint, holder, self._signer.address))
        if result.err is not None:
            await self._raise_refused(address, result)
        return signed

    async def _holder_of(self, mint: Pubkey) -> Pubkey:
        """Return the account that holds the token now; its buyer may have moved it."""
        found = (await self._client.get_token_largest_accounts(mint)).value
        holders: list[Pubkey] = [account.address for account in found if account.amount.amount == "1"]
        if not holders:
            raise TransientError(f"no account is known to hold the token {mint}")
        return holders[0]

    async def _raise_refused(self, address: str, result: Any) -> None:
        """Raise TransientError when the token was moved or burnt meanwhile, SimulationError otherwise."""
        if isinstance(result.err, TransactionErrorFieldless) or not await self.supply_of(address):
            raise TransientError(
                f"the token {address} cannot be burnt now: its holder has changed or it is burnt already"
            )
        raise SimulationError(result.err, result.logs)
