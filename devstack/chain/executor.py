"""Executes transactions in LiteSVM; rejects unknown blockhashes and repeated signatures; stores every result."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import Any, Literal

from solders.account import Account
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.responses import RpcSimulateTransactionResult
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulatedTransactionInfo, TransactionMetadata

from devstack.chain.account_store import AccountPast, AccountStore, LandedTransaction, decimals_of, holding_of
from devstack.chain.slots import BlockhashWindow, restore_clock

PACKET_BYTES_MAX = 1_232
CONFIRMED_SLOTS = 1
LAG_SLOTS_MAX = 512
_SYSVARS = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
_LOOKUP_HEADER_BYTES = 56
_CLOCK_KEY = "clock"
_GENESIS_KEY = "genesis"

Level = Literal["processed", "confirmed", "finalized"]


@dataclass(frozen=True)
class ExecutionResult:
    """Result of executing or simulating a transaction; `err` has the RPC's JSON shape."""

    err: Any
    logs: list[str]
    units: int
    fee: int
    post_accounts: dict[Pubkey, Account]


class Executor:
    """Runs one chain, in the calling thread, one transaction at a time."""

    def __init__(self, store: AccountStore, slot_ms: int, finalized_slots: int) -> None:
        self._store = store
        self._finalized_slots = finalized_slots
        self.clock = restore_clock(store.read_metadata(_CLOCK_KEY), slot_ms)
        store.write_metadata(_CLOCK_KEY, self.clock.anchor())
        genesis = store.read_metadata(_GENESIS_KEY) or os.urandom(32).hex()
        store.write_metadata(_GENESIS_KEY, genesis)
        self.blockhashes = BlockhashWindow(bytes.fromhex(genesis))
        # LiteSVM knows a single blockhash and forgets signatures on restart: both checks are made here instead.
        self.svm = LiteSVM().with_blockhash_check(False).with_transaction_history(0)  # noqa: FBT003
        for address, account in store.accounts():
            self.svm.set_account(address, account)
        self.lag = 0  # slots that the answering node is behind
        self._past = AccountPast()

    def slot(self, level: Level = "processed") -> int:
        """Return the newest slot of a confirmation level, as the answering node sees it."""
        behind = {"processed": 0, "confirmed": CONFIRMED_SLOTS, "finalized": self._finalized_slots}[level]
        return self.clock.slot() - self.lag - behind

    def height(self, level: Level = "processed") -> int:
        """Return the newest block height of a confirmation level, as the answering node sees it."""
        return self.clock.height(self.slot(level))

    def account(self, address: Pubkey, level: Level) -> Account | None:
        """Return an account in its state at a confirmation level, as the answering node sees it."""
        known, account = self._past.at(address, self.slot(level))
        return account if known else self._present(address)

    def decimals(self, mint: Pubkey) -> int:
        """Return the decimals of a mint, which never change; 0 without one."""
        return decimals_of(self.svm.get_account(mint))

    def find(self, signature: str) -> LandedTransaction | None:
        """Return a transaction that the answering node has seen."""
        landed = self._store.transaction(signature)
        return None if landed is None or landed.slot > self.slot() else landed

    def level_of(self, landed: LandedTransaction) -> Level:
        """Return a transaction's confirmation level, from the number of slots since it landed."""
        depth = self.slot() - landed.slot
        if depth >= self._finalized_slots:
            return "finalized"
        return "confirmed" if depth >= CONFIRMED_SLOTS else "processed"

    def jump(self, blocks: int, empty_slots: int) -> None:
        """Let blocks pass, which makes blockhashes older than 150 blocks unusable, and then slots without a block."""
        self.clock.jump(blocks)
        self.clock.skip(empty_slots)
        self._store.write_metadata(_CLOCK_KEY, self.clock.anchor())

    def fork(self, slots: int) -> None:
        """Abandon the newest slots that are not final: their transactions never landed, and may land again."""
        last = max(self.clock.slot() - slots, self.clock.slot() - self._finalized_slots)
        restored = self._past.back_to(last)
        for address, account in restored.items():
            self.svm.set_account(address, account or Account(0, b"", SYSTEM_PROGRAM))
        self._store.abandon(last, restored)

    def rejection_reason(self, transaction: VersionedTransaction, *, any_blockhash: bool = False) -> str | None:
        """Return the reason why a transaction cannot be executed, or None."""
        if self._store.transaction(str(transaction.signatures[0])) is not None:
            return "AlreadyProcessed"
        blockhash: Hash = transaction.message.recent_blockhash
        if not any_blockhash and not self.blockhashes.is_usable(blockhash, self.clock.height(self.clock.slot())):
            return "BlockhashNotFound"
        return None

    def simulate(self, transaction: VersionedTransaction, *, verify: bool) -> ExecutionResult:
        """Execute a transaction without keeping its effects; check its signatures only with `verify`."""
        self._set_time()
        self.svm.with_sigverify(verify)
        try:
            outcome = self.svm.simulate_transaction(transaction)
        finally:
            self.svm.with_sigverify(True)  # noqa: FBT003 - the binding takes it by position
        return _result_of(outcome)

    def land(self, transaction: VersionedTransaction) -> ExecutionResult:
        """Execute a transaction and store it, unless it cannot pay its fee."""
        self._set_time()
        keys = self._keys(transaction)
        past = {key: self._present(key) for key in keys}
        before = [self.svm.get_balance(key) or 0 for key in keys]
        result = _result_of(self.svm.send_transaction(transaction))
        after = [self.svm.get_balance(key) or 0 for key in keys]
        if result.err is not None and before == after:
            return result
        # A failed transaction that paid its fee has landed too: its signature cannot be used again.
        touched = {key: self._present(key) for key in keys if not self._is_fixed(key)}
        meta = {
            "fee": result.fee, "logs": result.logs, "units": result.units, "pre": before, "post": after,
            "pre_tokens": self._tokens(keys, past), "post_tokens": self._tokens(keys, touched),
        }  # fmt: skip
        self._record(self._landed(str(transaction.signatures[0]), bytes(transaction), result.err, meta), past, touched)
        return result

    def _record(
        self, landed: LandedTransaction, past: dict[Pubkey, Account | None], touched: dict[Pubkey, Account | None]
    ) -> None:
        self._store.record(landed, touched)
        for address, account in touched.items():
            self._past.add(address, landed.slot, past[address], account)
        self._past.forget(self.clock.slot() - self._finalized_slots - LAG_SLOTS_MAX)

    def _tokens(self, keys: list[Pubkey], accounts: dict[Pubkey, Account | None]) -> list[dict[str, Any]]:
        """Return the token balances of a transaction's accounts, as `getTransaction` shows them."""
        held = [(index, holding_of(accounts.get(key))) for index, key in enumerate(keys)]
        return [
            {"index": index, "mint": str(one.mint), "owner": str(one.owner), "program": str(one.program),
             "amount": one.amount, "decimals": self.decimals(one.mint)}
            for index, one in held if one is not None
        ]  # fmt: skip

    def airdrop(self, address: Pubkey, lamports: int) -> str:
        """Create lamports and return a signature that status calls know."""
        account = self.svm.get_account(address) or Account(0, b"", SYSTEM_PROGRAM)
        richer = Account(account.lamports + lamports, account.data, account.owner, account.executable)
        self.svm.set_account(address, richer)
        signature = str(Signature(hashlib.sha512(os.urandom(32)).digest()))
        meta = {"fee": 0, "logs": [], "units": 0, "pre": [account.lamports], "post": [richer.lamports]}
        self._record(self._landed(signature, b"", None, meta), {address: account}, {address: richer})
        return signature

    def _landed(self, signature: str, wire: bytes, err: Any, meta: dict[str, Any]) -> LandedTransaction:
        text = None if err is None else json.dumps(err)
        return LandedTransaction(signature, self.clock.slot(), int(time.time()), wire, text, json.dumps(meta))

    def _present(self, address: Pubkey) -> Account | None:
        account = self.svm.get_account(address)
        return None if account is None or account.lamports == 0 else account

    def _is_fixed(self, address: Pubkey) -> bool:
        # Programs and sysvars come with the virtual machine; stored ones would be stale after a restart.
        account = self.svm.get_account(address)
        return account is not None and (account.executable or account.owner == _SYSVARS)

    def _keys(self, transaction: VersionedTransaction) -> list[Pubkey]:
        keys = list(transaction.message.account_keys)
        if isinstance(transaction.message, MessageV0):
            for lookup in transaction.message.address_table_lookups:
                table = self.svm.get_account(lookup.account_key)
                listed = b"" if table is None else bytes(table.data)[_LOOKUP_HEADER_BYTES:]
                for index in [*lookup.writable_indexes, *lookup.readonly_indexes]:
                    found = listed[32 * index : 32 * index + 32]
                    keys += [Pubkey(found)] if len(found) == 32 else []  # noqa: PLR2004 - a key's bytes
        return list(dict.fromkeys(keys))

    def _set_time(self) -> None:
        clock = self.svm.get_clock()
        clock.slot = self.clock.slot()
        clock.unix_timestamp = int(time.time())
        self.svm.set_clock(clock)


def _result_of(outcome: TransactionMetadata | FailedTransactionMetadata | SimulatedTransactionInfo) -> ExecutionResult:
    if isinstance(outcome, TransactionMetadata):
        return ExecutionResult(None, outcome.logs(), outcome.compute_units_consumed(), outcome.fee(), {})
    meta = outcome.meta()
    if isinstance(outcome, SimulatedTransactionInfo):
        return ExecutionResult(
            None, meta.logs(), meta.compute_units_consumed(), meta.fee(), dict(outcome.post_accounts())
        )
    # solders serialises an error to the RPC's shape only inside a response, so build one and read it back.
    err = json.loads(RpcSimulateTransactionResult(err=outcome.err()).to_json())["err"]
    return ExecutionResult(err, meta.logs(), meta.compute_units_consumed(), meta.fee(), {})
