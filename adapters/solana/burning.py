"""The permanent delegate of a ticket's mint: it burns the token in any account, and moves it out of custody."""

import base64
from typing import Any

from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionErrorFieldless

from adapters.runtime.request_coalescing import BatchLoader
from adapters.solana.instructions import (
    TOKEN_2022,
    associated_account,
    burn_one,
    create_associated,
    mint_one,
    move_one,
)
from adapters.solana.keys import parse_wallet
from adapters.solana.mint_layout import holds_one, mint_of
from adapters.solana.rpc.client import ACCOUNTS_MAX, NodeClient
from adapters.solana.signer.signing import SimulationError, TransactionSigner
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction, Whereabouts

_MOVES_MAX = 64  # accounts that the token is followed through
_NEWEST_MAX = 25  # transactions of one account that are read for the move
_ACCOUNT_BYTES = 170  # of the account that holds a token


class TokenBurner:
    """Signs burns. The empty mint stays on chain, so that no token can be minted at its address again."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer
        self._supplies = BatchLoader(self._load_supplies, ACCOUNTS_MAX, in_flight=1)

    async def supply_of(self, address: str, since: int = 0) -> int | None:
        """Return the finalized supply of a mint at a slot or later; None when there is no mint at the address."""
        return await self._supplies.load((address, since))

    async def sign(self, address: str, minted: SignedTransaction | None) -> SignedTransaction:
        """Sign the burn of a mint's one token in the account that holds it now.

        Raise TransientError when no holder is found or the node cannot simulate.
        """
        mint = Pubkey.from_string(address)
        holder = await self._holder_of(mint, minted)
        delegate = await self._signer.authorities.over_token(address)
        signed, result = await self._signer.sign_and_simulate(address, burn_one(mint, holder, delegate))
        if result.err is not None:
            await self._raise_refused(address, result)
        return signed

    async def _holder_of(self, mint: Pubkey, minted: SignedTransaction | None) -> Pubkey:
        """Return the account that holds the token now: the one it was minted into, or where its moves lead.

        It needs no index of holders, which public nodes refuse; each account knows its own transactions.
        """
        at = None if minted is None else minted_into(minted, mint)
        if at is None:
            at = await self._moved_from(mint, mint)  # the oldest way in: the mint's own transactions
        seen: set[Pubkey] = set()
        while at is not None and len(seen) < _MOVES_MAX:
            if holds_one((await self._client.get_account_info(at)).value, mint):
                return at
            seen.add(at)
            at = await self._moved_from(at, mint)
        raise TransientError(f"no account is known to hold the token {mint}")

    async def _moved_from(self, account: Pubkey, mint: Pubkey) -> Pubkey | None:
        """Return the account that an account's newest move of the token leads to."""
        newest = await self._client.get_signatures_for_address(account, limit=_NEWEST_MAX, commitment=Confirmed)
        for entry in newest.value:
            if entry.err is not None:
                continue
            found = await self._client.get_transaction(
                entry.signature, "base64", Confirmed, max_supported_transaction_version=0
            )
            to = None if found.value is None else _holder_after(found.value.transaction, mint)
            if to is not None and to != account:
                return to
        return None

    async def _raise_refused(self, address: str, result: Any) -> None:
        """Raise TransientError when the token was moved or burnt meanwhile, SimulationError otherwise."""
        mint = await self._client.read_mint(address)
        if isinstance(result.err, TransactionErrorFieldless) or mint is None or not mint.supply:
            raise TransientError(
                f"the token {address} cannot be burnt now: its holder has changed or it is burnt already"
            )
        raise SimulationError(result.err, result.logs)

    async def _load_supplies(self, asked: list[tuple[str, int]]) -> list[int | None]:
        addresses = [Pubkey.from_string(address) for address, _ in asked]
        accounts = await self._client.finalized_accounts(addresses, max(since for _, since in asked))
        mints = [mint_of(account) for account in accounts]
        return [None if mint is None else mint.supply for mint in mints]


class TokenMover:
    """Signs moves of tokens from the account that they were minted into, in custody, to the wallets that claim them."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer
        self._places = BatchLoader(self._load_places, ACCOUNTS_MAX // 2, in_flight=1)

    async def whereabouts(self, minted: SignedTransaction, wallet: str, since: int = 0) -> Whereabouts:
        """Return where a token is, finalized, at a slot or later.

        A token that has left custody went to the wallet if that has an account for it; it may have moved on since.
        """
        source, target = _way(minted, wallet)
        return await self._places.load((Pubkey.from_string(minted.mint_address), source, target, since))

    async def sign(self, minted: SignedTransaction, wallet: str) -> SignedTransaction:
        """Sign the move of a token to a wallet, whose account is made where there is none.

        Raise InvalidWallet; TransientError when the token is not in custody now, or the payer lacks lamports.
        """
        mint, owner = Pubkey.from_string(minted.mint_address), parse_wallet(wallet, vault=False)
        source, target = _way(minted, wallet)
        signed, result = await self._signer.sign_and_simulate(
            minted.mint_address,
            create_associated(self._signer.keys.payer, owner, mint),
            move_one(mint, source, target, await self._signer.authorities.over_token(minted.mint_address)),
        )
        if result.err is not None:
            await self._raise_refused(mint, source, result)
        return signed

    async def _raise_refused(self, mint: Pubkey, source: Pubkey, result: Any) -> None:
        """Raise TransientError when the chain has changed or the payer is poor, SimulationError otherwise."""
        held = holds_one((await self._client.get_account_info(source)).value, mint)
        if isinstance(result.err, TransactionErrorFieldless) or not held:
            raise TransientError(f"the token {mint} is not in custody now, or the node cannot simulate")
        needed = (await self._client.get_minimum_balance_for_rent_exemption(_ACCOUNT_BYTES)).value
        balance = (await self._client.get_balance(self._signer.keys.payer)).value
        if balance < 2 * needed:
            raise TransientError(f"the payer {self._signer.keys.payer} lacks {2 * needed - balance} lamports")
        raise SimulationError(result.err, result.logs)

    async def _load_places(self, asked: list[tuple[Pubkey, Pubkey, Pubkey, int]]) -> list[Whereabouts]:
        addresses = [account for _, source, target, _ in asked for account in (source, target)]
        found = await self._client.finalized_accounts(addresses, max(since for *_, since in asked))
        places: list[Whereabouts] = []
        for (mint, *_), source, target in zip(asked, found[::2], found[1::2], strict=True):
            is_there = target is not None and target.owner == TOKEN_2022
            places.append("custody" if holds_one(source, mint) else "claimed" if is_there else "elsewhere")
        return places


def _way(minted: SignedTransaction, wallet: str) -> tuple[Pubkey, Pubkey]:
    """Return the account that a token was minted into, and the account of a wallet for it."""
    mint = Pubkey.from_string(minted.mint_address)
    source = minted_into(minted, mint)
    if source is None:
        raise WrongState("these signed bytes mint no token", address=minted.mint_address)
    return source, associated_account(Pubkey.from_string(wallet), mint)


def minted_into(minted: SignedTransaction, mint: Pubkey) -> Pubkey | None:
    """Return the account that a signed mint puts its token into; None when it mints none."""
    message = VersionedTransaction.from_bytes(base64.b64decode(minted.wire_base64)).message
    keys, wanted = message.account_keys, mint_one(mint, mint, mint).data
    for one in message.instructions:
        if keys[one.program_id_index] == TOKEN_2022 and one.data == wanted and keys[one.accounts[0]] == mint:
            return keys[one.accounts[1]]
    return None


def _holder_after(found: Any, mint: Pubkey) -> Pubkey | None:
    """Return the account that holds the token after a transaction."""
    transaction, meta = found.transaction, found.meta
    loaded = getattr(meta, "loaded_addresses", None)
    keys: list[Pubkey] = [*transaction.message.account_keys, *(loaded.writable + loaded.readonly if loaded else ())]
    for balance in getattr(meta, "post_token_balances", None) or ():
        if balance.mint == mint and balance.ui_token_amount.amount == "1" and balance.account_index < len(keys):
            holder: Pubkey = keys[balance.account_index]
            return holder
    return None
