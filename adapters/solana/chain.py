"""The token chain on a Solana node: reads tokens, signs mints, burns and resizes, and sends signed transactions."""

import base64
from collections.abc import Sequence
from typing import Any

from solana.rpc.commitment import Finalized
from solana.rpc.models import DataSliceOpts, TxOpts
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction_status import TransactionConfirmationStatus

from adapters.runtime.request_coalescing import BatchLoader
from adapters.solana.burning import TokenBurner
from adapters.solana.groups import GroupResizer
from adapters.solana.instructions import associated_account
from adapters.solana.keys import check_account, parse_wallet
from adapters.solana.mint_layout import describe
from adapters.solana.minting import TokenMinter
from adapters.solana.rpc import NodeClient, translate_node_errors
from adapters.solana.signing import TransactionSigner
from adapters.solana.transaction import signed_spec
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate

_FATES_MAX = 256  # a node answers for at most this many signatures in one call
_FATES_SECONDS = 0.1  # a node is asked at most ten times a second, however many mints wait
_ACCOUNTS_MAX = 100


class SolanaTokenReader:
    """Reads and verifies tokens; knows the issuer by its address and has no key to sign with.

    `custody_owner` holds tickets whose spec names no owner; None is the issuer. Every read is at commitment
    "confirmed"; every call raises TransientError for errors of the network or the node.
    """

    def __init__(
        self, rpc_url: str, issuer_address: str, custody_owner: str | None = None, timeout_seconds: float = 10.0
    ) -> None:
        self.custody_owner = custody_owner or issuer_address
        self._issuer = Pubkey.from_string(issuer_address)
        self._client = NodeClient(rpc_url, timeout_seconds)
        self._accounts = BatchLoader(self._load_accounts, _ACCOUNTS_MAX // 2)
        self._wallets = BatchLoader(self._load_wallets, _ACCOUNTS_MAX)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet unless an address can be somebody's: what it says itself first, then its account.

        Off the curve only a program can sign, for a vault: refused without `vault`.
        """
        wallet = parse_wallet(address, vault=vault)
        with translate_node_errors():
            account = await self._wallets.load(wallet)
        check_account(wallet, account)

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back which token a signed mint makes."""
        return signed_spec(signed)

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read a mint and its owner's account together and verify them; None when there is no mint."""
        mint, owner = Pubkey.from_string(address), spec.owner_address or self.custody_owner
        holder = associated_account(Pubkey.from_string(owner), mint)
        with translate_node_errors():
            account, held = await self._accounts.load((mint, holder))
        if account is None or _is_only_funded(account):
            return None
        return describe(mint, spec, account, (owner, held), self._issuer)

    async def _load_wallets(self, wallets: list[Pubkey]) -> Sequence[Any]:
        """Return the account at each address, with one byte of its contents: a program has millions."""
        return (await self._client.get_multiple_accounts(wallets, data_slice=DataSliceOpts(offset=0, length=1))).value

    async def _load_accounts(self, pairs: list[tuple[Pubkey, Pubkey]]) -> list[tuple[Any, Any]]:
        """Return each mint with its holder's account, both of a pair from one call."""
        found = (await self._client.get_multiple_accounts([one for pair in pairs for one in pair])).value
        return list(zip(found[::2], found[1::2], strict=True))


class SolanaTokenChain(SolanaTokenReader):
    """Every token's chain. One issuer pays for, signs and keeps the authority over every token.

    `issuer` is a keypair's 64 bytes; `address_secret` decides the address of every token and must never change. The fee
    is in micro-lamports per compute unit.
    """

    def __init__(
        self,
        rpc_url: str,
        issuer: bytes,
        address_secret: bytes,
        custody_owner: str | None = None,
        priority_fee_micro_lamports: int = 1_000,
        timeout_seconds: float = 10.0,
    ) -> None:
        keypair = Keypair.from_bytes(issuer)
        super().__init__(rpc_url, str(keypair.pubkey()), custody_owner, timeout_seconds)
        self._signer = TransactionSigner(self._client, keypair, priority_fee_micro_lamports)
        self._minter = TokenMinter(self._client, self._signer, address_secret, self.custody_owner)
        self._burner = TokenBurner(self._client, self._signer)
        self._groups = GroupResizer(self._client, self._signer)
        self._fates = BatchLoader(self._load_fates, _FATES_MAX, _FATES_SECONDS)

    @property
    def payer_address(self) -> str:
        """The address of the issuer, who pays for everything."""
        return str(self._signer.address)

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject; it never changes for one issuer and secret."""
        return self._minter.address_of(kind, subject_id)

    async def supply_of(self, address: str) -> int | None:
        """Return the supply of a mint; None when there is no mint at the address."""
        return await self._burner.supply_of(address)

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its limit; None when there is no group."""
        return await self._groups.sizes_of(address)

    async def sign(self, spec: TokenSpec, *, again: bool = False) -> SignedTransaction:
        """Sign a mint; see `TokenMinter.sign` for what it refuses. Sends nothing."""
        return await self._minter.sign(spec, again=again)

    async def sign_burn(self, address: str) -> SignedTransaction:
        """Sign the burn of a mint's one token in the account that holds it now. Sends nothing."""
        return await self._burner.sign(address)

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit. Sends nothing."""
        return await self._groups.sign(address, size_max)

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes, without preflight and without the node's own retries; a repeat is harmless.

        A node accepts expired bytes without an error: read the fate and the block height to know.
        """
        options = TxOpts(skip_preflight=True, max_retries=0)
        try:
            with translate_node_errors(unknown=True):
                await self._client.send_raw_transaction(base64.b64decode(signed.wire_base64), options)
        except TransientError as transient:
            if not _says_already_processed(str(transient)):
                raise

    async def fate(self, signature: str) -> TransactionFate:
        """Return how far a sent transaction has come; `failed` only when the failure is confirmed."""
        with translate_node_errors():
            found = await self._fates.load(Signature.from_string(signature))
        if found is None:
            return "unknown"
        reached = _reached(found.confirmation_status)
        return "failed" if found.err is not None and reached != "processed" else reached

    async def block_height(self) -> int:
        """Return the finalized block height: bytes whose last valid height is lower can never land."""
        with translate_node_errors():
            return (await self._client.get_block_height(Finalized)).value

    async def _load_fates(self, signatures: list[Signature]) -> Sequence[Any]:
        return (await self._client.get_signature_statuses(signatures, search_transaction_history=True)).value


def _reached(status: TransactionConfirmationStatus | None) -> TransactionFate:
    if status == TransactionConfirmationStatus.Processed:
        return "processed"
    if status == TransactionConfirmationStatus.Confirmed:
        return "confirmed"
    # An old node that names no status means "rooted".
    return "finalized"


def _is_only_funded(account: Account) -> bool:
    # Anyone can send lamports to an address: that alone makes no mint, and must not block one.
    return account.owner == SYSTEM_PROGRAM and not account.data


def _says_already_processed(message: str) -> bool:
    return "AlreadyProcessed" in message or "already been processed" in message
