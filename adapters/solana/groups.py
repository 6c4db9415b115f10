"""Groups on Solana: how many members one has and takes, and the bytes that change what it takes."""

import base64

from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey

from adapters.solana.burning import SolanaBurningChain
from adapters.solana.chain import COMPUTE_UNITS_LEAST
from adapters.solana.instructions import TOKEN_2022, resize_group
from adapters.solana.mint_layout import decode_mint
from adapters.solana.rpc import node_errors
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction


class SolanaGroupChain(SolanaBurningChain):
    """The token chain that can also give a group another size; its issuer has the authority over every group."""

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's members and how many it takes, at confirmed; None when there is no group."""
        with node_errors():
            account = (await self._client.get_account_info(Pubkey.from_string(address))).value
        mint = decode_mint(bytes(account.data)) if account is not None and account.owner == TOKEN_2022 else None
        members, taken = (None, None) if mint is None else mint.group_sizes()
        return None if members is None or taken is None else (members, taken)

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the bytes that resize a group; nothing is sent. TransientError when the node would refuse them now.

        It does when members came since the size was read: look again.
        """
        instruction = resize_group(Pubkey.from_string(address), self._issuer.pubkey(), size_max)
        with node_errors():
            latest = (await self._client.get_latest_blockhash()).value
            final = self._signed([instruction], latest.blockhash, COMPUTE_UNITS_LEAST)
            outcome = (await self._client.simulate_transaction(final, commitment=Confirmed)).value
        if outcome.err is not None:
            raise TransientError(f"the group {address} cannot take {size_max} just now: {outcome.err}")
        return SignedTransaction(
            mint_address=address,
            signature=str(final.signatures[0]),
            wire_base64=base64.b64encode(bytes(final)).decode(),
            last_valid_block_height=latest.last_valid_block_height,
        )
