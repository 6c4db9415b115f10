"""The token chain on a Solana node: reads tokens, signs mints, burns and resizes, and sends signed transactions."""

import base64
import time
from collections.abc import Sequence
from typing import Any

from solana.rpc.models import DataSliceOpts, TxOpts
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction_status import TransactionConfirmationStatus

from adapters.runtime.request_coalescing import BatchLoader
from adapters.solana.burning import TokenBurner, TokenMover
from adapters.solana.instructions import associated_account
from adapters.solana.keys import check_account, parse_wallet
from adapters.solana.mint_layout import describe
from adapters.solana.minting import Mark, MintHistory, TokenMinter
from adapters.solana.rpc.answers import RefusedError
from adapters.solana.rpc.client import ACCOUNTS_MAX, Finality, NodeClient
from adapters.solana.rpc.pool import NodePool
from adapters.solana.show_mints import GroupResizer, RootReader, RootWriter
from adapters.solana.signer.fees import PriorityFees
from adapters.solana.signer.guard import GuardedSigner, one_key
from adapters.solana.signer.keys import KeyAddresses
from adapters.solana.signer.rotation import HandOver, KeyRotation
from adapters.solana.signer.signing import TransactionSigner
from adapters.solana.transaction import signed_spec
from domain.tickets.leaf import TreeRoot
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate, Whereabouts

_FATES_MAX = 256  # a node answers for at most this many signatures in one call
_FATES_SECONDS = 0.1  # a node is asked at most ten times a second, however many mints wait
_SENT_MAX = 10_000
NO_MARK = Mark()
_PROOF_SECONDS = 0.5  # bytes live for a minute: whether they are dead need not be known sooner


class SolanaTokenReader:
    """Reads and verifies tokens; knows our keys by their addresses and has none to sign with.

    Tickets whose spec names no owner are held by our custody. Every read is at commitment "confirmed"; every call
    raises TransientError for everything that is no good answer of a node. `nodes` is a pool, or the URL of a node
    without limits.
    """

    def __init__(self, nodes: NodePool | str, keys: KeyAddresses) -> None:
        self.keys = keys
        self.custody_owner = str(keys.custody)
        self._client = NodeClient(nodes)
        self._accounts = BatchLoader(self._load_accounts, ACCOUNTS_MAX // 2, in_flight=1)
        self._wallets = BatchLoader(self._load_wallets, ACCOUNTS_MAX, in_flight=1)
        self._roots = RootReader(self._client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def cluster(self) -> str:
        """Return the genesis hash of the chain, which names it."""
        return str((await self._client.get_genesis_hash()).value)

    async def root_at(self, show_mint: str, since: int = 0) -> TreeRoot | None:
        """Return the root of tickets in a show's mint, finalized, at a slot or later; None when there is none."""
        return await self._roots.root_at(show_mint, since)

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet unless an address can be somebody's: what it says itself first, then its account.

        Off the curve only a program can sign, for a vault: refused without `vault`.
        """
        wallet = parse_wallet(address, vault=vault)
        check_account(wallet, await self._wallets.load(wallet))

    def is_custody(self, address: str) -> bool:
        """Return whether an address holds tickets without a wallet, or did so before a rotation."""
        return address in map(str, self.keys.may_act_as("custody"))

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back which token a signed mint makes."""
        return signed_spec(signed)

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read a mint and its owner's account together and verify them; None when there is no mint."""
        mint, owner = Pubkey.from_string(address), spec.owner_address or self.custody_owner
        holder = associated_account(Pubkey.from_string(owner), mint)
        account, held = await self._accounts.load((mint, holder))
        # Anyone can send lamports to an address: that alone makes no mint, and must not block one.
        if account is None or (account.owner == SYSTEM_PROGRAM and not account.data):
            return None
        return describe(mint, spec, account, (owner, held), self._delegates(spec))

    def _delegates(self, spec: TokenSpec) -> set[Pubkey]:
        """Return the keys that may be a token's delegate: the one that was signed for it, and those after it."""
        signed = {Pubkey.from_string(spec.delegate_address)} if spec.delegate_address else set()
        return signed | self.keys.may_act_as("delegate")

    async def _load_wallets(self, wallets: list[Pubkey]) -> Sequence[Any]:
        """Return the account at each address, with one byte of its contents: a program has millions."""
        return (await self._client.get_multiple_accounts(wallets, data_slice=DataSliceOpts(offset=0, length=1))).value

    async def _load_accounts(self, pairs: list[tuple[Pubkey, Pubkey]]) -> list[tuple[Any, Any]]:
        """Return each mint with its holder's account, both of a pair from one call."""
        found = (await self._client.get_multiple_accounts([one for pair in pairs for one in pair])).value
        return list(zip(found[::2], found[1::2], strict=True))


class SolanaTokenChain(SolanaTokenReader):
    """Every token's chain, with our keys behind their guard; 64 bytes are one key of every role, without a budget.

    `address_secret` decides the address of every token and must never change. The priority fees are the lowest and the
    highest price of a compute unit, in micro-lamports; equal ones ask no node. Minting pauses below the `mark`.
    """

    def __init__(
        self,
        nodes: NodePool | str,
        guard: GuardedSigner | bytes,
        address_secret: bytes,
        custody_owner: str | None = None,
        priority_fees: tuple[int, int] = (1_000, 1_000),
        mark: Mark = NO_MARK,
    ) -> None:
        guard = one_key(guard, custody_owner) if isinstance(guard, bytes) else guard
        super().__init__(nodes, guard.keys)
        fees = PriorityFees(self._client, *priority_fees, time.monotonic)
        self._signer = TransactionSigner(self._client, guard, fees)
        self._minter = TokenMinter(self._client, self._signer, address_secret, self.custody_owner, mark)
        self._history = MintHistory(self._client, self.keys.may_act_as("issuer"))
        self._burner = TokenBurner(self._client, self._signer)
        self._mover = TokenMover(self._client, self._signer)
        self._groups = GroupResizer(self._client, self._signer)
        self._rotation = KeyRotation(self._client, self._signer)
        self._root_writer = RootWriter(self._client, self._signer)
        self._fates = BatchLoader(self._load_fates, _FATES_MAX, _FATES_SECONDS, in_flight=1)
        self._deaths = BatchLoader(self._load_deaths, _FATES_MAX, _PROOF_SECONDS, in_flight=1)
        self._sent: dict[str, None] = {}  # signatures, the newest last

    @property
    def payer_address(self) -> str:
        """The address of the key that pays for everything."""
        return str(self.keys.payer)

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject; it changes with the issuer or the secret."""
        return self._minter.address_of(kind, subject_id)

    async def supply_of(self, address: str, since: int = 0) -> int | None:
        """Return the finalized supply of a mint at a slot or later; None when there is no mint at the address."""
        return await self._burner.supply_of(address, since)

    async def minted_by(self, address: str) -> SignedTransaction:
        """Return the final transaction that made the mint at an address; see `MintHistory.minted_by`."""
        return await self._history.minted_by(address)

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its limit; None when there is no group."""
        return await self._groups.sizes_of(address)

    async def sign(self, spec: TokenSpec, *, again: SignedTransaction | None = None) -> SignedTransaction:
        """Sign a mint; see `TokenMinter.sign` for what it refuses. Sends nothing."""
        return await self._minter.sign(spec, again=again)

    async def sign_burn(self, address: str, minted: SignedTransaction | None) -> SignedTransaction:
        """Sign the burn of a mint's one token in the account that holds it now. Sends nothing.

        `minted` is the transaction that minted it, into the account that is looked at first.
        """
        return await self._burner.sign(address, minted)

    async def sign_transfer(self, minted: SignedTransaction, wallet: str) -> SignedTransaction:
        """Sign the move of a token from custody to a wallet. Sends nothing."""
        return await self._mover.sign(minted, wallet)

    async def whereabouts(self, minted: SignedTransaction, wallet: str, since: int = 0) -> Whereabouts:
        """Return where a minted token is, finalized, at a slot or later."""
        return await self._mover.whereabouts(minted, wallet, since)

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit. Sends nothing."""
        return await self._groups.sign(address, size_max)

    async def retired_authorities(self, addresses: Sequence[str], *, final: bool) -> tuple[list[HandOver], list[str]]:
        """Return what retired keys still have over these mints, and the addresses without a mint."""
        return await self._rotation.left(addresses, final=final)

    async def sign_hand_over(self, moves: Sequence[HandOver]) -> tuple[SignedTransaction, int]:
        """Sign as many of the first hand-overs as fit one packet; return their number. Sends nothing."""
        return await self._rotation.sign(moves)

    async def sign_root(self, show_mint: str, root: TreeRoot) -> SignedTransaction:
        """Sign a root of tickets into a show's mint. Sends nothing."""
        return await self._root_writer.sign(show_mint, root)

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes, without preflight and without the node's own retries; a repeat is harmless.

        A repeat is made only when no other send waits for its turn. A node accepts expired bytes without an error: read
        the fate, and `dead_since`, to know.
        """
        if signed.signature in self._sent and self._client.pool.send_wait() > 0:
            return
        self._remember(signed.signature)
        options = TxOpts(skip_preflight=True, max_retries=0)
        try:
            await self._client.send_raw_transaction(base64.b64decode(signed.wire_base64), options)
        except RefusedError as refused:
            if not refused.is_already_processed:
                raise

    async def fate(self, signature: str) -> TransactionFate:
        """Return how far a sent transaction has come; `failed` only when the failure is finalized.

        `unknown` says nothing: the node may lag. Only `dead_since` proves that bytes are not on chain.
        """
        found = await self._fates.load(Signature.from_string(signature))
        if found is None:
            return "unknown"
        reached = _reached(found.confirmation_status)
        if found.err is None:
            return reached
        return "failed" if reached == "finalized" else "processed"

    async def dead_since(self, signed: SignedTransaction) -> int | None:
        """Return a finalized slot at which the bytes had failed, or had expired without landing; else None.

        Height and status are of one node and of this slot or later. A mint's account is read since this slot, too.
        """
        return await self._deaths.load((Signature.from_string(signed.signature), signed.last_valid_block_height))

    async def _load_fates(self, signatures: list[Signature]) -> Sequence[Any]:
        return (await self._client.get_signature_statuses(signatures, search_transaction_history=True)).value

    async def _load_deaths(self, asked: list[tuple[Signature, int]]) -> list[int | None]:
        final = await self._client.finality([signature for signature, _ in asked])
        return [
            _dead_since(final, found, last_valid_height)
            for (_, last_valid_height), found in zip(asked, final.statuses, strict=True)
        ]

    def _remember(self, signature: str) -> None:
        self._sent.pop(signature, None)
        self._sent[signature] = None
        if len(self._sent) > _SENT_MAX:
            del self._sent[next(iter(self._sent))]


def _dead_since(final: Finality, found: Any, last_valid_height: int) -> int | None:
    if found is None:
        return final.slot if final.height > last_valid_height else None
    has_failed = found.err is not None and _reached(found.confirmation_status) == "finalized"
    return max(final.slot, found.slot) if has_failed else None


def _reached(status: TransactionConfirmationStatus | None) -> TransactionFate:
    if status == TransactionConfirmationStatus.Processed:
        return "processed"
    if status == TransactionConfirmationStatus.Confirmed:
        return "confirmed"
    # An old node that names no status means "rooted".
    return "finalized"
