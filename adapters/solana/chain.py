"""Solana over JSON-RPC: looks at tokens, signs the transactions that make them, sends what was signed."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from solana.rpc.commitment import Confirmed, Finalized
from solana.rpc.models import TxOpts
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionConfirmationStatus,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
)

from adapters.runtime.request_coalescing import Gathered
from adapters.solana import transaction as token_transaction
from adapters.solana.instructions import TOKEN_2022, associated_account
from adapters.solana.mint_layout import describe
from adapters.solana.rpc import NodeClient, node_errors
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate

COMPUTE_UNITS_SIMULATED = 200_000
COMPUTE_UNITS_LEAST = 80_000
_UNITS_MARGIN_PERCENT = 120
_SIGNATURE_FEE_LAMPORTS = 5_000
_MICRO = 1_000_000
_KEPT_MAX = 1_000
_FATES_MAX = 256  # in one call, as nodes have it
_FATES_SECONDS = 0.1  # so a node is asked ten times a second at most, however many mints wait
_ACCOUNTS_MAX = 100
_HOLDER_ACCOUNT_BYTES = 170
_ALREADY_IN_USE = 0
_GROUP_IS_FULL = 0xCB0A6959
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class SimulationError(Exception):
    """The chain would refuse the transaction for a reason that neither waiting nor the buyer can change."""


class SolanaChain:
    """The token chain on a Solana node. One issuer pays for, signs and keeps the authority over every token.

    `issuer` is a keypair's 64 bytes; `address_secret` decides the address of every token and must never change;
    `custody_owner` holds tickets whose spec names no owner. Fees are in micro-lamports per compute unit.
    """

    def __init__(
        self,
        rpc_url: str,
        issuer: bytes,
        address_secret: bytes,
        custody_owner: str,
        priority_fee_micro_lamports: int = 1_000,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._issuer = Keypair.from_bytes(issuer)
        self._secret = address_secret
        self._custody_owner = custody_owner
        self._price = priority_fee_micro_lamports
        self._is_dev = urlsplit(rpc_url).hostname in _LOOPBACK
        self._client = NodeClient(rpc_url, timeout_seconds)
        # Many mints wait at once, and a node answers for many in one call.
        self._fates = Gathered(self._ask_fates, _FATES_MAX, _FATES_SECONDS)
        self._accounts = Gathered(self._ask_accounts, _ACCOUNTS_MAX // 2)
        self._means = Gathered(self._ask_means, 1)
        self._rents: dict[int, int] = {}
        self._units: dict[tuple[TokenKind, str | None], int] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def payer_address(self) -> str:
        """The issuer's address, which pays for everything."""
        return str(self._issuer.pubkey())

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject: the same for ever, for this issuer and secret."""
        return str(self._mint(self._seed(kind, subject_id)))

    def is_wallet(self, address: str) -> bool:
        """Say whether an address can hold tickets: 32 bytes of base58 on the curve."""
        try:
            token_transaction.parse_wallet(address)
        except InvalidWallet:
            return False
        return True

    async def payer_balance(self) -> int:
        """Return the payer's lamports, at confirmed."""
        with node_errors():
            return (await self._client.get_balance(self._issuer.pubkey())).value

    async def airdrop_if_dev(self, lamports: int) -> bool:
        """Give the payer lamports if the node is on this machine; says whether it did."""
        if not self._is_dev:
            return False
        with node_errors():
            await self._client.request_airdrop(self._issuer.pubkey(), lamports)
        return True

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read and verify a mint and its owner's account in one look, at confirmed; None when there is no mint."""
        mint, owner = Pubkey.from_string(address), spec.owner_address or self._custody_owner
        holder = associated_account(Pubkey.from_string(owner), mint)
        with node_errors():
            account, held = await self._accounts.of((mint, holder))
        if account is None or _is_only_funded(account):
            return None
        return describe(mint, spec, account, (owner, held), self._issuer.pubkey())

    async def sign(self, spec: TokenSpec, *, again: bool = False) -> SignedTransaction:
        """Set the limits and sign; nothing is sent. A token of a kind and group that was simulated is so `again` only.

        Raises TransientError when the payer is too poor, InvalidWallet, and WrongState when the token does not fit a
        transaction. A simulation says: TransientError when the account is already there (look again), WrongState when
        the group is full, and SimulationError for anything else.
        """
        owner = token_transaction.parse_wallet(spec.owner_address) if spec.owner_address else None
        seed = self._seed(spec.kind, spec.subject_id)
        with node_errors():
            latest, rent = await self._prices(spec)
            instructions = token_transaction.token_instructions(
                spec, self._issuer.pubkey(), seed, owner or Pubkey.from_string(self._custody_owner), rent
            )
            units = None if again else self._units.get((spec.kind, spec.group_address))
            if units is None:
                trial = self._signed(instructions, latest.blockhash, COMPUTE_UNITS_SIMULATED)
                units = await self._simulate(trial, spec)
        final = self._signed(instructions, latest.blockhash, units)
        return SignedTransaction(
            mint_address=str(self._mint(seed)),
            signature=str(final.signatures[0]),
            wire_base64=base64.b64encode(bytes(final)).decode(),
            last_valid_block_height=latest.last_valid_block_height,
        )

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes, without preflight and without the node's own retries; a repeat is harmless.

        A node takes bytes that have expired without a word: the fate and the block height tell, not this answer.
        """
        options = TxOpts(skip_preflight=True, max_retries=0)
        try:
            with node_errors(unknown=True):
                await self._client.send_raw_transaction(base64.b64decode(signed.wire_base64), options)
        except TransientError as transient:
            if not _says_already_done(str(transient)):
                raise

    async def fate(self, signature: str) -> TransactionFate:
        """Say how far a sent transaction has come; `failed` only when a failure is confirmed."""
        with node_errors():
            found = await self._fates.of(Signature.from_string(signature))
        if found is None:
            return "unknown"
        reached = _reached(found.confirmation_status)
        return "failed" if found.err is not None and reached != "processed" else reached

    async def block_height(self) -> int:
        """Return the finalized block height: bytes whose last height lies below it can never land any more."""
        with node_errors():
            return (await self._client.get_block_height(Finalized)).value

    def _seed(self, kind: TokenKind, subject_id: str) -> str:
        return token_transaction.seed_of(self._secret, kind, subject_id)

    def _mint(self, seed: str) -> Pubkey:
        return Pubkey.create_with_seed(self._issuer.pubkey(), seed, TOKEN_2022)

    def _signed(self, instructions: list[Any], blockhash: Any, units: int) -> VersionedTransaction:
        return token_transaction.sign_transaction(self._issuer, instructions, blockhash, (units, self._price))

    async def _prices(self, spec: TokenSpec) -> tuple[Any, int]:
        """Return the latest blockhash and the mint's rent, once the payer is known to be able to pay."""
        (latest, balance), rent, held, kept = await asyncio.gather(
            self._means.of("now"),
            self._rent(token_transaction.final_space(spec)),
            self._rent(_HOLDER_ACCOUNT_BYTES),
            # The payer itself must keep enough to stay rent-exempt, or the chain refuses the transaction.
            self._rent(0),
        )
        fee = _SIGNATURE_FEE_LAMPORTS + COMPUTE_UNITS_SIMULATED * self._price // _MICRO + 1
        holder_rent = held if spec.kind == "ticket" else 0
        missing = rent + holder_rent + kept + fee - balance
        if missing > 0:
            raise TransientError(f"the payer {self.payer_address} lacks {missing} lamports")
        return latest, rent

    async def _ask_fates(self, signatures: list[Signature]) -> Sequence[Any]:
        return (await self._client.get_signature_statuses(signatures, search_transaction_history=True)).value

    async def _ask_accounts(self, pairs: list[tuple[Pubkey, Pubkey]]) -> list[tuple[Any, Any]]:
        """Return mints and their holders' accounts, both of a pair in one look."""
        found = (await self._client.get_multiple_accounts([one for pair in pairs for one in pair])).value
        return list(zip(found[::2], found[1::2], strict=True))

    async def _ask_means(self, _: list[str]) -> list[tuple[Any, int]]:
        """Return the latest blockhash, and the lamports that the payer has."""
        latest, balance = await asyncio.gather(
            self._client.get_latest_blockhash(), self._client.get_balance(self._issuer.pubkey())
        )
        return [(latest.value, balance.value)]

    async def _rent(self, space: int) -> int:
        """Return the rent of an account; it is the cluster's for years, and asked for once."""
        if space not in self._rents:
            _make_room(self._rents)
            self._rents[space] = (await self._client.get_minimum_balance_for_rent_exemption(space)).value
        return self._rents[space]

    async def _simulate(self, trial: VersionedTransaction, spec: TokenSpec) -> int:
        outcome = (await self._client.simulate_transaction(trial, commitment=Confirmed)).value
        if outcome.err is not None:
            await self._check_group(spec)
            _raise_simulated(outcome.err, outcome.logs or [], spec)
        consumed = outcome.units_consumed or 0
        units = min(COMPUTE_UNITS_SIMULATED, max(COMPUTE_UNITS_LEAST, consumed * _UNITS_MARGIN_PERCENT // 100))
        _make_room(self._units)
        self._units[spec.kind, spec.group_address] = units
        return units

    async def _check_group(self, spec: TokenSpec) -> None:
        # A node that lags behind does not know a group that was made a moment ago.
        if spec.group_address is None:
            return
        if (await self._client.get_account_info(Pubkey.from_string(spec.group_address))).value is None:
            raise TransientError(f"the group {spec.group_address} is not there yet")


def _make_room(kept: dict[Any, int]) -> None:
    """Forget what is kept, once it is too much."""
    if len(kept) >= _KEPT_MAX:
        kept.clear()


def _reached(status: TransactionConfirmationStatus | None) -> TransactionFate:
    if status == TransactionConfirmationStatus.Processed:
        return "processed"
    if status == TransactionConfirmationStatus.Confirmed:
        return "confirmed"
    # Without a word about confirmation an old node means that it is rooted.
    return "finalized"


def _raise_simulated(err: Any, logs: list[str], spec: TokenSpec) -> None:
    if isinstance(err, TransactionErrorFieldless):
        raise TransientError(f"the node cannot simulate just now: {err}")
    if isinstance(err, TransactionErrorInstructionError) and isinstance(err.err, InstructionErrorCustom):
        if err.index == token_transaction.ALLOCATE_AT and err.err.code == _ALREADY_IN_USE:
            raise TransientError(f"the account of {spec.kind} {spec.subject_id} already exists: look again")
        if err.err.code == _GROUP_IS_FULL:
            raise WrongState("the group is full", group_address=spec.group_address)
    raise SimulationError(f"{err}: {' | '.join(logs[-4:])}")


def _is_only_funded(account: Account) -> bool:
    # Anyone can send lamports to an address: that alone makes no mint, and must not block one.
    return account.owner == SYSTEM_PROGRAM and not account.data


def _says_already_done(message: str) -> bool:
    return "AlreadyProcessed" in message or "already been processed" in message
