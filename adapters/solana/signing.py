"""Signing as the issuer, who pays for every transaction and has the authority over every token."""

import base64
from collections.abc import Sequence
from typing import Any

from solana.rpc.commitment import Confirmed
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.solana.rpc.client import NodeClient
from adapters.solana.transaction import sign_transaction
from domain.tickets.token import SignedTransaction

COMPUTE_UNITS_MIN = 80_000
_LOGS_SHOWN = 4


class SimulationError(Exception):
    """The chain would refuse the transaction for a reason that neither waiting nor the buyer can change."""

    def __init__(self, error: Any, logs: Sequence[str] | None) -> None:
        super().__init__(f"{error}: {' | '.join((logs or [])[-_LOGS_SHOWN:])}")


class TransactionSigner:
    """Builds and signs transactions; sends nothing. The fee is in micro-lamports per compute unit."""

    def __init__(self, client: NodeClient, issuer: Keypair, fee_micro_lamports: int) -> None:
        self._client = client
        self._issuer = issuer
        self.fee_micro_lamports = fee_micro_lamports

    @property
    def address(self) -> Pubkey:
        """The issuer's address."""
        return self._issuer.pubkey()

    def sign(self, instructions: list[Instruction], blockhash: Hash, compute_units: int) -> VersionedTransaction:
        """Sign instructions with a budget of compute units; raise WrongState when they exceed one packet."""
        return sign_transaction(self._issuer, instructions, blockhash, (compute_units, self.fee_micro_lamports))

    async def sign_and_simulate(self, mint_address: str, *instructions: Instruction) -> tuple[SignedTransaction, Any]:
        """Sign cheap instructions; return the signed bytes and the result of the node's simulation."""
        await self._client.pool.turn_to_send()
        latest = (await self._client.get_latest_blockhash()).value
        transaction = self.sign([*instructions], latest.blockhash, COMPUTE_UNITS_MIN)
        result = (await self._client.simulate_transaction(transaction, commitment=Confirmed)).value
        return serialized(mint_address, transaction, latest.last_valid_block_height), result


def serialized(mint_address: str, transaction: VersionedTransaction, last_valid_block_height: int) -> SignedTransaction:
    """Return a transaction as it is stored and sent."""
    return SignedTransaction(
        mint_address=mint_address,
        signature=str(transaction.signatures[0]),
        wire_base64=base64.b64encode(bytes(transaction)).decode(),
        last_valid_block_height=last_valid_block_height,
    )
