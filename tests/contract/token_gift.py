"""What the holder of a ticket's token does with it, as any wallet would."""

import struct

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.solana.instructions import TOKEN_2022, associated_account, burn_one, create_associated
from tests.devstack.chain.dev_chain import DevChain, send, sign_for


def give(chain: DevChain, holder: Keypair, to: Pubkey, mint: Pubkey) -> VersionedTransaction:
    """Send a token to another wallet, whose account is made for it."""
    move = Instruction(
        TOKEN_2022,
        bytes([12]) + struct.pack("<QB", 1, 0),
        [
            AccountMeta(associated_account(holder.pubkey(), mint), is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(associated_account(to, mint), is_signer=False, is_writable=True),
            AccountMeta(holder.pubkey(), is_signer=True, is_writable=False),
        ],
    )
    return _sent(chain, holder, create_associated(holder.pubkey(), to, mint), move)


def burn(chain: DevChain, holder: Keypair, mint: Pubkey) -> VersionedTransaction:
    """Burn one's own token."""
    return _sent(chain, holder, burn_one(mint, associated_account(holder.pubkey(), mint), holder.pubkey()))


def _sent(chain: DevChain, holder: Keypair, *instructions: Instruction) -> VersionedTransaction:
    transaction = sign_for(chain, holder, *instructions)
    assert "error" not in send(chain, transaction, skipPreflight=False)
    return transaction
