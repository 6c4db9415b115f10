"""RPC methods that read."""

import json
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.hash import Hash

from devstack.chain.account_store import AccountStore, LandedTransaction, decimals_of
from devstack.chain.executor import Executor
from devstack.chain.rpc import rpc_json
from devstack.chain.rpc.token_json import amount_json
from devstack.chain.slots import last_valid_height

_SLOTS_IN_EPOCH = 432_000
_VERSION = {"solana-core": "2.2.0-boxoffice-dev", "feature-set": 0}
_SIGNATURES_MAX = 1_000
_LARGEST_MAX = 20
_ORDER = ("processed", "confirmed", "finalized")

Method = Callable[[list[Any]], Any]


class ReadMethods:
    """The reading RPC methods; answers have the state of their confirmation level, lists of holders the present."""

    def __init__(self, executor: Executor, store: AccountStore) -> None:
        self._executor = executor
        self._store = store

    def methods(self) -> dict[str, Method]:
        """Return the methods by RPC name."""
        return {
            "getAccountInfo": self._account,
            "getBalance": self._balance,
            "getBlockHeight": self._height,
            "getBlockTime": lambda params: int(self._executor.clock.time_of(params[0])),
            "getEpochInfo": self._epoch,
            "getGenesisHash": lambda _params: str(self._executor.blockhashes.hash_of(0)),
            "getHealth": lambda _params: "ok",
            "getLatestBlockhash": self._latest_blockhash,
            "getMinimumBalanceForRentExemption": self._rent,
            "getMultipleAccounts": self._accounts,
            "getRecentPrioritizationFees": lambda _params: [{"slot": self._executor.slot(), "prioritizationFee": 0}],
            "getSignatureStatuses": self._statuses,
            "getSignaturesForAddress": self._history,
            "getSlot": self._slot,
            "getTokenAccountsByOwner": self._token_accounts,
            "getTokenLargestAccounts": self._largest_accounts,
            "getTransaction": self._transaction,
            "getVersion": lambda _params: _VERSION,
            "isBlockhashValid": self._blockhash_valid,
        }

    def with_context(self, value: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Wrap a value with its slot, as the RPC does."""
        return {
            "context": {"slot": self._executor.slot(rpc_json.level(options)), "apiVersion": "2.2.0"},
            "value": value,
        }

    def status_at(self, signature: str, options: dict[str, Any]) -> LandedTransaction | None:
        """Return a transaction once it has reached the requested level."""
        landed = self._executor.find(signature)
        if landed is None:
            return None
        reached = _ORDER.index(self._executor.level_of(landed))
        return landed if reached >= _ORDER.index(rpc_json.level(options)) else None

    def _read(self, address: Any, options: dict[str, Any]) -> Account | None:
        account = self._executor.account(rpc_json.pubkey(address), rpc_json.level(options))
        return None if account is None or account.lamports == 0 else account

    def _shown(self, account: Account | None, options: dict[str, Any]) -> dict[str, Any] | None:
        return rpc_json.account_json(account, options, self._executor.decimals)

    def _account(self, params: list[Any]) -> Any:
        options = rpc_json.options_at(params, 1)
        return self.with_context(self._shown(self._read(params[0], options), options), options)

    def _accounts(self, params: list[Any]) -> Any:
        options = rpc_json.options_at(params, 1)
        found = [self._shown(self._read(address, options), options) for address in params[0]]
        return self.with_context(found, options)

    def _balance(self, params: list[Any]) -> Any:
        options = rpc_json.options_at(params, 1)
        account = self._read(params[0], options)
        return self.with_context(0 if account is None else account.lamports, options)

    def _slot(self, params: list[Any]) -> int:
        return self._executor.slot(rpc_json.level(rpc_json.options_at(params, 0)))

    def _height(self, params: list[Any]) -> int:
        return self._executor.height(rpc_json.level(rpc_json.options_at(params, 0)))

    def _epoch(self, params: list[Any]) -> dict[str, Any]:
        slot = self._slot(params)
        return {
            "absoluteSlot": slot,
            "blockHeight": self._height(params),
            "epoch": slot // _SLOTS_IN_EPOCH,
            "slotIndex": slot % _SLOTS_IN_EPOCH,
            "slotsInEpoch": _SLOTS_IN_EPOCH,
            "transactionCount": None,
        }

    def _latest_blockhash(self, params: list[Any]) -> Any:
        options = rpc_json.options_at(params, 0)
        height = self._executor.height(rpc_json.level(options))
        blockhash = str(self._executor.blockhashes.hash_of(height))
        return self.with_context({"blockhash": blockhash, "lastValidBlockHeight": last_valid_height(height)}, options)

    def _blockhash_valid(self, params: list[Any]) -> Any:
        usable = self._executor.blockhashes.is_usable(Hash.from_string(params[0]), self._executor.height())
        return self.with_context(usable, rpc_json.options_at(params, 1))

    def _rent(self, params: list[Any]) -> int:
        return self._executor.svm.minimum_balance_for_rent_exemption(params[0])

    def _statuses(self, params: list[Any]) -> Any:
        now = self._executor.slot()
        transactions = [self._executor.find(signature) for signature in params[0]]
        found = [
            None if landed is None else rpc_json.status_json(landed, self._executor.level_of(landed), now - landed.slot)
            for landed in transactions
        ]
        return self.with_context(found, {"commitment": "processed"})

    def _history(self, params: list[Any]) -> list[dict[str, Any]]:
        options = rpc_json.options_at(params, 1)
        limit = min(options.get("limit") or _SIGNATURES_MAX, _SIGNATURES_MAX)
        transactions = self._store.transactions_of(rpc_json.pubkey(params[0]), limit, options.get("before"))
        return [
            {
                "signature": landed.signature,
                "slot": landed.slot,
                "err": None if landed.err is None else json.loads(landed.err),
                "memo": None,
                "blockTime": landed.landed_at,
                "confirmationStatus": self._executor.level_of(landed),
            }
            for landed in transactions
            if landed.slot <= self._executor.slot(rpc_json.level(options))
        ]

    def _transaction(self, params: list[Any]) -> Any:
        # Some clients send only the encoding in place of the options.
        options = (
            {"encoding": params[1]}
            if len(params) > 1 and isinstance(params[1], str)
            else rpc_json.options_at(params, 1)
        )
        landed = self.status_at(params[0], options)
        if landed is None or not landed.wire:
            return None
        return rpc_json.transaction_json(landed, options.get("encoding") or "json")

    def _token_accounts(self, params: list[Any]) -> Any:
        which, options = rpc_json.options_at(params, 1), rpc_json.options_at(params, 2)
        mint = which.get("mint")
        program = self._mint(mint).owner if mint else rpc_json.pubkey(which.get("programId"))
        found = self._store.token_accounts(rpc_json.pubkey(params[0]), program)
        listed = [
            {"pubkey": str(address), "account": self._shown(account, options)}
            for address, account in found
            if mint is None or bytes(account.data[:32]) == bytes(rpc_json.pubkey(mint))
        ]
        return self.with_context(listed, options)

    def _largest_accounts(self, params: list[Any]) -> Any:
        mint = self._mint(params[0])
        holders = self._store.holders(rpc_json.pubkey(params[0]), mint.owner, _LARGEST_MAX)
        found = [{"address": str(address), **amount_json(amount, decimals_of(mint))} for address, amount in holders]
        return self.with_context(found, rpc_json.options_at(params, 1))

    def _mint(self, address: str) -> Account:
        account = self._read(address, {"commitment": "processed"})
        if account is None:
            raise rpc_json.RpcError(rpc_json.INVALID_PARAMS, "Invalid param: could not find mint")
        return account
