"""The RPC methods that only look."""

import json
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.hash import Hash

from devstack.chain import shapes
from devstack.chain.book import Book, Landing
from devstack.chain.ledger import Ledger
from devstack.chain.slots import last_valid_height

_SLOTS_IN_EPOCH = 432_000
_VERSION = {"solana-core": "2.2.0-boxoffice-dev", "feature-set": 0}
_SIGNATURES_MAX = 1_000
_LARGEST_MAX = 20
_DECIMALS_AT = 44
_ORDER = ("processed", "confirmed", "finalized")

Method = Callable[[list[Any]], Any]


class Reads:
    """The looking half of the RPC; accounts are always shown as they are now, whatever level is asked for."""

    def __init__(self, ledger: Ledger, book: Book) -> None:
        self._ledger = ledger
        self._book = book

    def methods(self) -> dict[str, Method]:
        """Return the methods by their names in the protocol."""
        return {
            "getAccountInfo": self._account,
            "getBalance": self._balance,
            "getBlockHeight": self._slot,
            "getEpochInfo": self._epoch,
            "getGenesisHash": lambda _params: str(self._ledger.window.hash_of(0)),
            "getHealth": lambda _params: "ok",
            "getLatestBlockhash": self._latest_blockhash,
            "getMinimumBalanceForRentExemption": self._rent,
            "getMultipleAccounts": self._accounts,
            "getRecentPrioritizationFees": self._priority_fees,
            "getSignatureStatuses": self._statuses,
            "getSignaturesForAddress": self._history,
            "getSlot": self._slot,
            "getTokenAccountsByOwner": self._token_accounts,
            "getTokenLargestAccounts": self._largest_accounts,
            "getTransaction": self._transaction,
            "getVersion": lambda _params: _VERSION,
            "isBlockhashValid": self._blockhash_valid,
        }

    def with_context(self, value: Any, wanted: dict[str, Any]) -> dict[str, Any]:
        """Wrap a value with the slot that it belongs to."""
        return {"context": {"slot": self._ledger.slot(shapes.level(wanted)), "apiVersion": "2.2.0"}, "value": value}

    def status_at(self, signature: str, wanted: dict[str, Any]) -> Landing | None:
        """Return a landing once it has reached the level that is asked for."""
        landing = self._book.landing(signature)
        if landing is None:
            return None
        reached = _ORDER.index(self._ledger.level_of(landing))
        return landing if reached >= _ORDER.index(shapes.level(wanted)) else None

    def _present(self, address: Any) -> Account | None:
        account = self._ledger.svm.get_account(shapes.pubkey(address))
        return None if account is None or account.lamports == 0 else account

    def _account(self, params: list[Any]) -> Any:
        wanted = shapes.options(params, 1)
        return self.with_context(shapes.account_json(self._present(params[0]), wanted), wanted)

    def _accounts(self, params: list[Any]) -> Any:
        wanted = shapes.options(params, 1)
        found = [shapes.account_json(self._present(address), wanted) for address in params[0]]
        return self.with_context(found, wanted)

    def _balance(self, params: list[Any]) -> Any:
        lamports = self._ledger.svm.get_balance(shapes.pubkey(params[0])) or 0
        return self.with_context(lamports, shapes.options(params, 1))

    def _slot(self, params: list[Any]) -> int:
        return self._ledger.slot(shapes.level(shapes.options(params, 0)))

    def _epoch(self, params: list[Any]) -> dict[str, Any]:
        slot = self._slot(params)
        return {
            "absoluteSlot": slot,
            "blockHeight": slot,
            "epoch": slot // _SLOTS_IN_EPOCH,
            "slotIndex": slot % _SLOTS_IN_EPOCH,
            "slotsInEpoch": _SLOTS_IN_EPOCH,
            "transactionCount": None,
        }

    def _latest_blockhash(self, params: list[Any]) -> Any:
        wanted = shapes.options(params, 0)
        slot = self._ledger.slot(shapes.level(wanted))
        blockhash = str(self._ledger.window.hash_of(slot))
        return self.with_context({"blockhash": blockhash, "lastValidBlockHeight": last_valid_height(slot)}, wanted)

    def _blockhash_valid(self, params: list[Any]) -> Any:
        usable = self._ledger.window.is_usable(Hash.from_string(params[0]), self._ledger.slot())
        return self.with_context(usable, shapes.options(params, 1))

    def _rent(self, params: list[Any]) -> int:
        return self._ledger.svm.minimum_balance_for_rent_exemption(params[0])

    def _priority_fees(self, _params: list[Any]) -> list[dict[str, int]]:
        return [{"slot": self._ledger.slot(), "prioritizationFee": 0}]

    def _statuses(self, params: list[Any]) -> Any:
        now = self._ledger.slot()
        landings = [self._book.landing(signature) for signature in params[0]]
        found = [
            None if landing is None else shapes.status_json(landing, self._ledger.level_of(landing), now - landing.slot)
            for landing in landings
        ]
        return self.with_context(found, {"commitment": "processed"})

    def _history(self, params: list[Any]) -> list[dict[str, Any]]:
        wanted = shapes.options(params, 1)
        limit = min(wanted.get("limit") or _SIGNATURES_MAX, _SIGNATURES_MAX)
        landings = self._book.landings_of(shapes.pubkey(params[0]), limit, wanted.get("before"))
        return [
            {
                "signature": landing.signature,
                "slot": landing.slot,
                "err": None if landing.err is None else json.loads(landing.err),
                "memo": None,
                "blockTime": landing.landed_at,
                "confirmationStatus": self._ledger.level_of(landing),
            }
            for landing in landings
        ]

    def _transaction(self, params: list[Any]) -> Any:
        # Some clients send the encoding alone where others send the options.
        wanted = (
            {"encoding": params[1]} if len(params) > 1 and isinstance(params[1], str) else shapes.options(params, 1)
        )
        landing = self.status_at(params[0], wanted)
        if landing is None or not landing.wire:
            return None
        return shapes.landing_json(landing, wanted.get("encoding") or "json")

    def _token_accounts(self, params: list[Any]) -> Any:
        which, wanted = shapes.options(params, 1), shapes.options(params, 2)
        mint = which.get("mint")
        program = self._mint(mint).owner if mint else shapes.pubkey(which.get("programId"))
        found = self._book.token_accounts(shapes.pubkey(params[0]), program)
        listed = [
            {"pubkey": str(address), "account": shapes.account_json(account, wanted)}
            for address, account in found
            if mint is None or bytes(account.data[:32]) == bytes(shapes.pubkey(mint))
        ]
        return self.with_context(listed, wanted)

    def _largest_accounts(self, params: list[Any]) -> Any:
        mint = self._mint(params[0])
        places = bytes(mint.data)[_DECIMALS_AT]
        holders = self._book.holders(shapes.pubkey(params[0]), mint.owner, _LARGEST_MAX)
        found = [
            {
                "address": str(address),
                "amount": str(amount),
                "decimals": places,
                "uiAmount": amount / 10**places,
                "uiAmountString": str(amount / 10**places if places else amount),
            }
            for address, amount in holders
        ]
        return self.with_context(found, shapes.options(params, 1))

    def _mint(self, address: str) -> Account:
        account = self._present(address)
        if account is None:
            raise shapes.RpcError(shapes.INVALID_PARAMS, "Invalid param: could not find mint")
        return account
