"""Building transactions, which the guarded signer signs, and simulating them without a signature."""

import base64
from collections.abc import Sequence
from typing import Any

from solana.rpc.commitment import Confirmed
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from adapters.solana.rpc.client import NodeClient
from adapters.solana.signer.authorities import Authorities
from adapters.solana.signer.guard import GuardedSigner
from adapters.solana.transaction import compile_message
from domain.tickets.token import SignedTransaction

COMPUTE_UNITS_MIN = 80_000
_LOGS_SHOWN = 4


class SimulationError(Exception):
    """The chain would refuse the transaction for a reason that neither waiting nor the buyer can change."""

    def __init__(self, error: Any, logs: Sequence[str] | None) -> None:
        super().__init__(f"{error}: {' | '.join((logs or [])[-_LOGS_SHOWN:])}")


class TransactionSigner:
    """Builds and signs transactions; sends nothing. The fee is in micro-lamports per compute unit."""

    def __init__(self, client: NodeClient, guard: GuardedSigner, fee_micro_lamports: int) -> None:
        self._client = client
        self._guard = guard
        self.keys = guard.keys
        self.authorities = Authorities(client, guard.keys)
        self.fee_micro_lamports = fee_micro_lamports

    def compile(self, instructions: list[Instruction], blockhash: Hash, compute_units: int) -> MessageV0:
        """Compile instructions with a budget of compute units; raise WrongState when they exceed one packet."""
        return compile_message(self.keys.payer, instructions, blockhash, (compute_units, self.fee_micro_lamports))

    async def sign(self, message: MessageV0) -> VersionedTransaction:
        """Sign a message; see `GuardedSigner.sign` for what it refuses."""
        return await self._guard.sign(message)

    async def simulate(self, message: MessageV0) -> Any:
        """Return the result of the node's simulation, which needs no signature."""
        unsigned = [Signature.default()] * message.header.num_required_signatures
        trial = VersionedTransaction.populate(message, unsigned)
        return (await self._client.simulate_transaction(trial, commitment=Confirmed)).value

    async def sign_and_simulate(self, mint_address: str, *instructions: Instruction) -> tuple[SignedTransaction, Any]:
        """Sign cheap instructions; return the signed bytes and the result of the node's simulation."""
        await self._client.pool.turn_to_send()
        latest = (await self._client.get_latest_blockhash()).value
        message = self.compile([*instructions], latest.blockhash, COMPUTE_UNITS_MIN)
        result = await self.simulate(message)
        return serialized(mint_address, await self.sign(message), latest.last_valid_block_height), result


def serialized(mint_address: str, transaction: VersionedTransaction, last_valid_block_height: int) -> SignedTransaction:
    """Return a transaction as it is stored and sent."""
    return SignedTransaction(
        mint_address=mint_address,
        signature=str(transaction.signatures[0]),
        wire_base64=base64.b64encode(bytes(transaction)).decode(),
        last_valid_block_height=last_valid_block_height,
    )
