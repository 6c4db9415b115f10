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
from adapters.solana.signer.fees import PriorityFees
from adapters.solana.signer.guard import GuardedSigner
from adapters.solana.transaction import compile_message
from domain.tickets.token import SignedTransaction

COMPUTE_UNITS_MIN = 80_000
_LOGS_SHOWN = 4
_OFFERED_MAX = 1_000


class SimulationError(Exception):
    """The chain would refuse the transaction for a reason that neither waiting nor the buyer can change."""

    def __init__(self, error: Any, logs: Sequence[str] | None) -> None:
        super().__init__(f"{error}: {' | '.join((logs or [])[-_LOGS_SHOWN:])}")


class TransactionSigner:
    """Builds and signs transactions; sends nothing. Prices are in micro-lamports per compute unit."""

    def __init__(self, client: NodeClient, guard: GuardedSigner, fees: PriorityFees) -> None:
        self._client = client
        self._guard = guard
        self.keys = guard.keys
        self.authorities = Authorities(client, guard.keys)
        self.fees = fees
        self._offered: dict[tuple[str, bytes], int] = {}

    def compile(self, instructions: list[Instruction], blockhash: Hash, budget: tuple[int, int]) -> MessageV0:
        """Compile with a budget of (compute units, price of one); raise WrongState when it exceeds one packet."""
        return compile_message(self.keys.payer, instructions, blockhash, budget)

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
        price = await self._offer(mint_address, instructions)
        message = self.compile([*instructions], latest.blockhash, (COMPUTE_UNITS_MIN, price))
        result = await self.simulate(message)
        return serialized(mint_address, await self.sign(message), latest.last_valid_block_height), result

    async def _offer(self, mint_address: str, instructions: Sequence[Instruction]) -> int:
        """Return the price of a unit; more than before where the same is signed again: its bytes have expired."""
        key = (mint_address, b"".join(bytes(one.data) for one in instructions))
        written = [meta.pubkey for one in instructions for meta in one.accounts if meta.is_writable]
        price = await self.fees.price(list(dict.fromkeys([self.keys.payer, *written])), self._offered.get(key, 0))
        if len(self._offered) >= _OFFERED_MAX:
            self._offered.clear()
        self._offered[key] = price
        return price


def serialized(mint_address: str, transaction: VersionedTransaction, last_valid_block_height: int) -> SignedTransaction:
    """Return a transaction as it is stored and sent."""
    return SignedTransaction(
        mint_address=mint_address,
        signature=str(transaction.signatures[0]),
        wire_base64=base64.b64encode(bytes(transaction)).decode(),
        last_valid_block_height=last_valid_block_height,
    )
