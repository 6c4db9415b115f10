"""The payer's balance, the cost of a ticket, and the nodes, as a watch reads them; needs no key."""

from typing import NamedTuple

from solders.pubkey import Pubkey

from adapters.solana.rpc.client import NodeClient
from adapters.solana.rpc.node import NodeHealth
from adapters.solana.rpc.pool import NodePool
from adapters.solana.transaction import HOLDER_ACCOUNT_BYTES, final_space
from domain.tickets.token import TokenSpec

URI_BYTES = 66
NAME_BYTES = 32
SIGNATURES_LAMPORTS = 10_000
UNITS = 80_000
_TICKET = TokenSpec(kind="ticket", subject_id="", name="n" * NAME_BYTES, symbol="TICKET", uri="u" * URI_BYTES)


class PayerState(NamedTuple):
    """The payer's lamports, those that a ticket costs at most, and the health of each node."""

    lamports: int
    ticket_lamports: int
    nodes: list[NodeHealth]


class PayerReader:
    """Reads the payer at "confirmed"; raises TransientError for everything that is no good answer of a node."""

    def __init__(self, nodes: NodePool | str, payer: str, priority_fee_max: int) -> None:
        self.address = payer
        self._payer = Pubkey.from_string(payer)
        self._client = NodeClient(nodes)
        self._fee = SIGNATURES_LAMPORTS + UNITS * priority_fee_max // 1_000_000
        self._ticket_lamports = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def look(self) -> PayerState:
        """Return the payer's state; the rents of an account are read once."""
        if not self._ticket_lamports:
            mint = (await self._client.get_minimum_balance_for_rent_exemption(final_space(_TICKET))).value
            account = (await self._client.get_minimum_balance_for_rent_exemption(HOLDER_ACCOUNT_BYTES)).value
            self._ticket_lamports = mint + account + self._fee
        lamports = (await self._client.get_balance(self._payer)).value
        return PayerState(lamports, self._ticket_lamports, self._client.pool.health())
