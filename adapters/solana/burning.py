"""Burning on Solana: as the permanent delegate of a ticket's mint we end its token in whosever account it is."""

import base64
from typing import Any

from solana.rpc.commitment import Confirmed
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction_status import TransactionErrorFieldless

from adapters.solana.chain import COMPUTE_UNITS_LEAST, SimulationError, SolanaChain
from adapters.solana.instructions import TOKEN_2022, burn_one
from adapters.solana.mint_layout import decode_mint
from adapters.solana.rpc import node_errors
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class SolanaBurningChain(SolanaChain):
    """The token chain that can also burn. The mint stays on chain, empty: nothing can be made at its address again."""

    async def supply_of(self, address: str) -> int | None:
        """Return how many there are of a token, at confirmed; None when there is no mint at the address."""
        with node_errors():
            account = (await self._client.get_account_info(Pubkey.from_string(address))).value
        mint = decode_mint(bytes(account.data)) if account is not None and account.owner == TOKEN_2022 else None
        return None if mint is None else mint.supply

    async def sign_burn(self, address: str) -> SignedTransaction:
        """Sign the burning of the one token of a mint, wherever it is; nothing is sent.

        Raises TransientError when the holder cannot be found now or the node cannot simulate: look again.
        """
        mint = Pubkey.from_string(address)
        with node_errors():
            holder = await self._holder_of(mint)
            latest = (await self._client.get_latest_blockhash()).value
            instructions: list[Instruction] = [burn_one(mint, holder, self._issuer.pubkey())]
            final = self._signed(instructions, latest.blockhash, COMPUTE_UNITS_LEAST)
            outcome = (await self._client.simulate_transaction(final, commitment=Confirmed)).value
        if outcome.err is not None:
            await self._explain(address, outcome)
        return SignedTransaction(
            mint_address=address,
            signature=str(final.signatures[0]),
            wire_base64=base64.b64encode(bytes(final)).decode(),
            last_valid_block_height=latest.last_valid_block_height,
        )

    async def _holder_of(self, mint: Pubkey) -> Pubkey:
        """Return the account that holds the token now; its buyer may have moved it."""
        found = (await self._client.get_token_largest_accounts(mint)).value
        holders: list[Pubkey] = [account.address for account in found if account.amount.amount == "1"]
        if not holders:
            raise TransientError(f"nobody is known to hold {mint}: look again")
        return holders[0]

    async def _explain(self, address: str, outcome: Any) -> None:
        """Raise what a refused simulation means: somebody moved or burnt the token meanwhile, or a fault of ours."""
        if isinstance(outcome.err, TransactionErrorFieldless) or not await self.supply_of(address):
            raise TransientError(f"the token of {address} cannot be burnt just now: look again")
        raise SimulationError(f"{outcome.err}: {' | '.join((outcome.logs or [])[-4:])}")
