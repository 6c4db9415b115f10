"""Rotation: hand every authority that a retired key of ours still has to the present key of its role."""

from collections.abc import Sequence
from typing import NamedTuple

from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.solana import instructions as make
from adapters.solana.mint_layout import AuthorityName, mint_of
from adapters.solana.rpc.client import ACCOUNTS_MAX, NodeClient
from adapters.solana.signer.keys import KeyAddresses
from adapters.solana.signer.signing import TransactionSigner, serialized
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction

COMPUTE_UNITS = 300_000
MOVES_MAX = 40  # of one transaction: more do not fit a packet
_KINDS: dict[AuthorityName, int] = {
    "mint": 0, "delegate": 8, "metadata pointer": 12, "group pointer": 13, "member pointer": 14,
}  # fmt: skip


class HandOver(NamedTuple):
    """An authority over a mint that a retired key has."""

    address: str
    authority: AuthorityName
    by: str

    def instruction(self, keys: KeyAddresses) -> Instruction:
        """Return the instruction that gives it to the present key of its role."""
        mint, by = Pubkey.from_string(self.address), Pubkey.from_string(self.by)
        if self.authority == "metadata":
            return make.hand_over_metadata(mint, by, keys.issuer)
        if self.authority == "group":
            return make.hand_over_group(mint, by, keys.issuer)
        to = keys.delegate if self.authority == "delegate" else keys.issuer
        return make.hand_over(mint, by, _KINDS[self.authority], to)


class KeyRotation:
    """Finds and signs hand-overs: what is left to do is read from the chain, so a rotation goes on where it stopped."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer

    async def left(self, addresses: Sequence[str], *, final: bool) -> tuple[list[HandOver], list[str]]:
        """Return the authorities of retired keys over these mints, and the addresses without a mint.

        Finalized, as of the newest slot that any node names; or confirmed, with what was sent a moment ago.
        """
        found, absent = list[HandOver](), list[str]()
        since = await self._client.finalized_slot() if final else None
        start = 0
        while chunk := addresses[start : start + ACCOUNTS_MAX]:
            start += ACCOUNTS_MAX
            accounts = await self._accounts([*map(Pubkey.from_string, chunk)], since)
            for address, account in zip(chunk, accounts, strict=True):
                mint = mint_of(account)
                if mint is None:
                    absent.append(address)
                    continue
                named = mint.authorities().items()
                found += [HandOver(address, name, str(key)) for name, key in named if key in self._signer.keys.retired]
        return found, absent

    async def _accounts(self, keys: list[Pubkey], since: int | None) -> Sequence[Account | None]:
        if since is not None:
            return await self._client.finalized_accounts(keys, since)
        return (await self._client.get_multiple_accounts(keys)).value

    async def sign(self, moves: Sequence[HandOver]) -> tuple[SignedTransaction, int]:
        """Sign as many of the first hand-overs as fit one packet; return their number. Sends nothing.

        Raise TransientError when the node would refuse them: something has changed since they were read.
        """
        await self._client.pool.turn_to_send()
        latest = (await self._client.get_latest_blockhash()).value
        instructions = [move.instruction(self._signer.keys) for move in moves[:MOVES_MAX]]
        count, price = len(instructions), await self._signer.fees.price([self._signer.keys.payer])
        while True:
            try:
                message = self._signer.compile(instructions[:count], latest.blockhash, (COMPUTE_UNITS, price))
                break
            except WrongState:
                count -= 1
        result = await self._signer.simulate(message)
        if result.err is not None:
            raise TransientError(f"the authority over {moves[0].address} cannot be handed over now: {result.err}")
        transaction = await self._signer.sign(message)
        return serialized(moves[0].address, transaction, latest.last_valid_block_height), count
