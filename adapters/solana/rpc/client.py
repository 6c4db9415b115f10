"""The client of Solana's JSON-RPC: the library's calls over the pool of nodes, and reads that prove an absence."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.account import Account
from solders.account_decoder import UiAccountEncoding
from solders.commitment_config import CommitmentLevel
from solders.pubkey import Pubkey
from solders.rpc.config import RpcAccountInfoConfig, RpcContextConfig, RpcSignatureStatusConfig
from solders.rpc.requests import GetEpochInfo, GetMultipleAccounts, GetSignatureStatuses
from solders.rpc.responses import GetEpochInfoResp, GetMultipleAccountsResp, GetSignatureStatusesResp
from solders.signature import Signature

from adapters.solana.mint_layout import Mint, mint_of
from adapters.solana.rpc.node import NodeConfig, NodeLimits
from adapters.solana.rpc.pool import NodePool
from domain.core.transient import TransientError

ACCOUNTS_MAX = 100  # a node answers for at most this many accounts in one call
NO_LIMITS = NodeLimits(calls_per_second=1_000_000, sends_per_second=1_000_000)


class Finality(NamedTuple):
    """One node's finalized slot and block height, and its statuses, which are not older."""

    slot: int
    height: int
    statuses: Sequence[Any]


class NodeClient(AsyncClient):
    """The library's client at commitment "confirmed", over a pool of nodes; close it when the loop ends.

    Every call ends in a result of its type, TransientError or WrongChainError. It never retries a call at one node: the
    workflow decides about retries and must see every transient error. A URL is one node without limits: our own.
    """

    def __init__(self, nodes: NodePool | str) -> None:
        pool = NodePool([NodeConfig(nodes)], NO_LIMITS) if isinstance(nodes, str) else nodes
        # The library's own start would open connections of its own, which reads the machine's certificates.
        self._commitment = Confirmed
        self._provider: Any = pool
        self.pool = pool

    async def read_mint(self, address: str) -> Mint | None:
        """Return the mint at an address; None when there is none."""
        return mint_of((await self.get_account_info(Pubkey.from_string(address))).value)

    async def finality(self, signatures: Sequence[Signature]) -> Finality:
        """Read the height first and the statuses afterwards, both from one node and at one slot or later."""
        finalized = RpcContextConfig(commitment=CommitmentLevel.Finalized)
        found, node = await self.pool.call(GetEpochInfo(finalized), GetEpochInfoResp)
        slot, height = found.value.absolute_slot, found.value.block_height
        asked = GetSignatureStatuses(signatures, RpcSignatureStatusConfig(search_transaction_history=True))
        answer = await self.pool.call_at(node, asked, GetSignatureStatusesResp)
        _check_slot(answer.context.slot, slot)
        return Finality(slot, height, answer.value)

    async def finalized_slot(self) -> int:
        """Return the newest finalized slot that any well node names."""
        return await self.pool.newest(GetEpochInfo(RpcContextConfig(commitment=CommitmentLevel.Finalized)))

    async def finalized_accounts(self, addresses: Sequence[Pubkey], since: int) -> list[Account | None]:
        """Return the finalized accounts at a slot or later, which proves that a missing one does not exist."""
        config = RpcAccountInfoConfig(
            encoding=UiAccountEncoding.Base64, commitment=CommitmentLevel.Finalized, min_context_slot=since
        )
        answer, _ = await self.pool.call(GetMultipleAccounts(addresses, config), GetMultipleAccountsResp)
        _check_slot(answer.context.slot, since)
        return list(answer.value)


def _check_slot(found: int, since: int) -> None:
    if found < since:
        raise TransientError(f"the Solana node lags: its answer is of slot {found}, slot {since} is needed")
