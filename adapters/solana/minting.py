"""Minting: addresses of tokens, and the one transaction that makes a token, priced and simulated."""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple

from solana.rpc.commitment import Finalized
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
)

from adapters.runtime.request_coalescing import BatchLoader
from adapters.solana.instructions import TOKEN_2022, makes_mint
from adapters.solana.keys import parse_wallet
from adapters.solana.rpc.client import NodeClient
from adapters.solana.signer.signing import COMPUTE_UNITS_MIN, SimulationError, TransactionSigner, serialized
from adapters.solana.transaction import (
    ALLOCATE_AT,
    HOLDER_ACCOUNT_BYTES,
    Authority,
    final_space,
    seed_of,
    signed_price,
    token_instructions,
)
from domain.core.errors import WrongState
from domain.core.transient import PausedError, TransientError
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec

COMPUTE_UNITS_SIMULATED = 200_000
_UNITS_MARGIN_PERCENT = 120
_SIGNATURE_FEE_LAMPORTS = 5_000
SIGNERS_MAX = 3  # payer, issuer, and the retired issuer of a group
_MICRO = 1_000_000
_CACHED_MAX = 1_000
BALANCE_SECONDS = 2.0
PAUSE_SECONDS_MAX = 600.0
_ALREADY_IN_USE = 0
_HISTORY_PAGE = 1_000
_GROUP_IS_FULL = 0xCB0A6959


class Mark(NamedTuple):
    """The payer's lamports below which minting pauses, and the shortest pause."""

    lamports: int = 0
    pause_seconds: float = 60.0


class TokenMinter:
    """Signs mints. The secret decides the address of every token; `custody_owner` holds tickets without an owner."""

    def __init__(
        self, client: NodeClient, signer: TransactionSigner, secret: bytes, custody_owner: str, mark: Mark
    ) -> None:
        self._client = client
        self._signer = signer
        self._secret = secret
        self._custody_owner = custody_owner
        self._mark = mark
        self._balance: tuple[float, int] = (-BALANCE_SECONDS, 0)
        self._low_since: float | None = None
        self._funds = BatchLoader(self._load_funds, 1, in_flight=1)
        self._rents: dict[int, int] = {}
        self._units: dict[tuple[TokenKind, str | None], int] = {}

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject."""
        return str(self._mint(seed_of(self._secret, kind, subject_id)))

    async def sign(self, spec: TokenSpec, *, again: SignedTransaction | None = None) -> SignedTransaction:
        """Set the limits and sign. The first token of a kind and group is simulated; later ones only `again`.

        Raise InvalidWallet; PausedError while the payer has less than its mark; TransientError when it cannot pay this
        token, or the account exists already; WrongState when the token exceeds one transaction or the group is full;
        SimulationError for any other refusal.
        """
        owner = parse_wallet(spec.owner_address or self._custody_owner, vault=True)
        seed = seed_of(self._secret, spec.kind, spec.subject_id)
        await self._check_mark()
        await self._client.pool.turn_to_send()
        price = await self._offer(spec, again)
        latest, rent = await self._price(spec, price)
        ours = await self._authority(spec)
        instructions = token_instructions(spec, ours, seed, owner, rent)
        units = None if again is not None else self._units.get((spec.kind, spec.group_address))
        if units is None:
            trial = self._signer.compile(instructions, latest.blockhash, (COMPUTE_UNITS_SIMULATED, price))
            units = await self._simulate(trial, spec)
        final = await self._signer.sign(self._signer.compile(instructions, latest.blockhash, (units, price)))
        return serialized(str(self._mint(seed)), final, latest.last_valid_block_height)

    def _mint(self, seed: str) -> Pubkey:
        return Pubkey.create_with_seed(self._signer.keys.issuer, seed, TOKEN_2022)

    async def _authority(self, spec: TokenSpec) -> Authority:
        keys = self._signer.keys
        group = spec.group_address
        over_group = keys.issuer if group is None else await self._signer.authorities.over_group(group)
        return Authority(keys.payer, keys.issuer, keys.delegate, over_group)

    async def _offer(self, spec: TokenSpec, again: SignedTransaction | None) -> int:
        """Return the price of a unit: the group is the account that every mint of a show writes to."""
        group = [] if spec.group_address is None else [Pubkey.from_string(spec.group_address)]
        return await self._signer.fees.price([self._signer.keys.payer, *group], signed_price(again) if again else 0)

    async def _check_mark(self) -> None:
        """Raise PausedError while the payer has less than its mark; its balance is some seconds old at most.

        The pause is as long as the money has been away, up to ten minutes: so many tickets may wait.
        """
        now = asyncio.get_running_loop().time()
        if not self._mark.lamports:
            return
        if now - self._balance[0] >= BALANCE_SECONDS:
            await self._funds.load("now")
        if self._balance[1] >= self._mark.lamports:
            self._low_since = None
            return
        self._low_since = now if self._low_since is None else self._low_since
        seconds = min(PAUSE_SECONDS_MAX, max(self._mark.pause_seconds, now - self._low_since))
        raise PausedError(
            f"minting pauses: the payer {self._signer.keys.payer} has {self._balance[1]} lamports, less than"
            f" {self._mark.lamports}",
            pause=timedelta(seconds=seconds),
        )

    async def _price(self, spec: TokenSpec, price: int) -> tuple[Any, int]:
        """Return the latest blockhash and the mint's rent; raise TransientError when the payer cannot pay."""
        (latest, balance), rent, holder_rent, payer_rent = await asyncio.gather(
            self._funds.load("now"),
            self._rent(final_space(spec)),
            self._rent(HOLDER_ACCOUNT_BYTES),
            # The payer itself must stay rent-exempt, or the chain refuses the transaction.
            self._rent(0),
        )
        fee = SIGNERS_MAX * _SIGNATURE_FEE_LAMPORTS + COMPUTE_UNITS_SIMULATED * price // _MICRO + 1
        needed = rent + payer_rent + fee + (holder_rent if spec.kind == "ticket" else 0)
        if needed > balance:
            raise TransientError(f"the payer {self._signer.keys.payer} lacks {needed - balance} lamports")
        return latest, rent

    async def _load_funds(self, _: list[str]) -> list[tuple[Any, int]]:
        """Return the latest blockhash and the payer's lamports."""
        latest, balance = await asyncio.gather(
            self._client.get_latest_blockhash(), self._client.get_balance(self._signer.keys.payer)
        )
        self._balance = (asyncio.get_running_loop().time(), balance.value)
        return [(latest.value, balance.value)]

    async def _rent(self, space: int) -> int:
        """Return the rent of an account; a cluster does not change it for years, so it is read once."""
        if space not in self._rents:
            _bound(self._rents)
            self._rents[space] = (await self._client.get_minimum_balance_for_rent_exemption(space)).value
        return self._rents[space]

    async def _simulate(self, trial: MessageV0, spec: TokenSpec) -> int:
        """Return the compute units to allow for tokens of this kind and group."""
        result = await self._signer.simulate(trial)
        if result.err is not None:
            await self._check_group(spec)
            _raise_refused(result.err, result.logs, spec)
        with_margin = (result.units_consumed or 0) * _UNITS_MARGIN_PERCENT // 100
        units = min(COMPUTE_UNITS_SIMULATED, max(COMPUTE_UNITS_MIN, with_margin))
        _bound(self._units)
        self._units[spec.kind, spec.group_address] = units
        return units

    async def _check_group(self, spec: TokenSpec) -> None:
        # A node that lags behind does not know a group that was made a moment ago.
        if spec.group_address is None:
            return
        if (await self._client.get_account_info(Pubkey.from_string(spec.group_address))).value is None:
            raise TransientError(f"the group {spec.group_address} is not on chain yet")


class MintHistory:
    """Finds the transactions that made mints, in the history that the chain keeps of their addresses."""

    def __init__(self, client: NodeClient, issuers: frozenset[Pubkey]) -> None:
        self._client = client
        self._issuers = issuers

    async def minted_by(self, address: str) -> SignedTransaction:
        """Return the final transaction that made the mint at an address; raise TransientError where no node has it.

        It is an old one: anybody may have sent lamports there before, and every member of a group names it later.
        """
        mint = Pubkey.from_string(address)
        for signature in reversed(await self._signatures(mint)):
            found = (await self._client.get_transaction(signature, "base64", Finalized, 0)).value
            made = None if found is None else found.transaction.transaction
            if isinstance(made, VersionedTransaction) and _makes(made, mint) and self._is_ours(made):
                return serialized(address, made, 0)  # it has landed: until when it could have does not matter
        raise TransientError(
            f"no node knows the transaction that made the mint {address}: one with its history is needed"
        )

    def _is_ours(self, made: VersionedTransaction) -> bool:
        """Return whether one of our issuers has signed it: no node can make that up."""
        signers = made.message.account_keys[: made.message.header.num_required_signatures]
        return all(made.verify_with_results()) and not self._issuers.isdisjoint(signers)

    async def _signatures(self, mint: Pubkey) -> list[Signature]:
        """Return the successful transactions that name an address, the newest first."""
        found: list[Signature] = []
        before: Signature | None = None
        while True:
            page = (
                await self._client.get_signatures_for_address(
                    mint, before=before, limit=_HISTORY_PAGE, commitment=Finalized
                )
            ).value
            found += [entry.signature for entry in page if entry.err is None]
            if len(page) < _HISTORY_PAGE:
                return found
            before = page[-1].signature


def _makes(made: VersionedTransaction, mint: Pubkey) -> bool:
    keys = made.message.account_keys
    return any(
        keys[one.program_id_index] == TOKEN_2022 and makes_mint(bytes(one.data)) and keys[one.accounts[0]] == mint
        for one in made.message.instructions
    )


def _bound(cache: dict[Any, int]) -> None:
    """Empty a cache that is full."""
    if len(cache) >= _CACHED_MAX:
        cache.clear()


def _raise_refused(error: Any, logs: list[str] | None, spec: TokenSpec) -> None:
    if isinstance(error, TransactionErrorFieldless):
        raise TransientError(f"the Solana node cannot simulate now: {error}")
    if isinstance(error, TransactionErrorInstructionError) and isinstance(error.err, InstructionErrorCustom):
        if error.index == ALLOCATE_AT and error.err.code == _ALREADY_IN_USE:
            raise TransientError(f"the account of {spec.kind} {spec.subject_id} already exists")
        if error.err.code == _GROUP_IS_FULL:
            raise WrongState("the group is full", group_address=spec.group_address)
    raise SimulationError(error, logs)
