"""The ledger: LiteSVM executes, the window of blockhashes and the table of signatures guard, the book remembers."""

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

from devstack.chain.book import Book, Landing
from devstack.chain.slots import BlockhashWindow, restore_clock

PACKET_BYTES_MAX = 1_232
CONFIRMED_SLOTS = 1
_SYSVARS = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
_LOOKUP_HEADER_BYTES = 56
_CLOCK_NOTE = "clock"
_GENESIS_NOTE = "genesis"

Level = Literal["processed", "confirmed", "finalized"]


@dataclass(frozen=True)
class Verdict:
    """What executing or simulating a transaction came to; `err` is in the JSON shape of the RPC."""

    err: Any
    logs: list[str]
    units: int
    fee: int
    post_accounts: dict[Pubkey, Account]


class Ledger:
    """One chain: everything happens in the calling thread, one transaction after the other."""

    def __init__(self, book: Book, slot_ms: int, finalized_slots: int) -> None:
        self._book = book
        self._finalized_slots = finalized_slots
        self.clock = restore_clock(book.note(_CLOCK_NOTE), slot_ms)
        book.write_note(_CLOCK_NOTE, self.clock.anchor())
        genesis = book.note(_GENESIS_NOTE) or os.urandom(32).hex()
        book.write_note(_GENESIS_NOTE, genesis)
        self.window = BlockhashWindow(bytes.fromhex(genesis))
        # LiteSVM knows a single blockhash and forgets signatures on restart: both checks are made here instead.
        self.svm = LiteSVM().with_blockhash_check(False).with_transaction_history(0)  # noqa: FBT003
        for address, account in book.accounts():
            self.svm.set_account(address, account)

    def slot(self, level: Level = "processed") -> int:
        """Return the newest slot of a confirmation level."""
        behind = {"processed": 0, "confirmed": CONFIRMED_SLOTS, "finalized": self._finalized_slots}[level]
        return self.clock.slot() - behind

    def level_of(self, landing: Landing) -> Level:
        """Say how far a landed transaction has come; levels come from the slots that have passed since."""
        depth = self.clock.slot() - landing.slot
        if depth >= self._finalized_slots:
            return "finalized"
        return "confirmed" if depth >= CONFIRMED_SLOTS else "processed"

    def jump(self, slots: int) -> None:
        """Skip slots, which makes every blockhash older than 150 slots unusable."""
        self.clock.jump(slots)
        self._book.write_note(_CLOCK_NOTE, self.clock.anchor())

    def obstacle(self, transaction: VersionedTransaction, *, any_blockhash: bool = False) -> str | None:
        """Name the reason why a transaction cannot land at all, if there is one."""
        if self._book.landing(str(transaction.signatures[0])) is not None:
            return "AlreadyProcessed"
        blockhash: Hash = transaction.message.recent_blockhash
        if not any_blockhash and not self.window.is_usable(blockhash, self.clock.slot()):
            return "BlockhashNotFound"
        return None

    def simulate(self, transaction: VersionedTransaction, *, verify: bool) -> Verdict:
        """Execute a transaction without keeping its effects; its signatures count only with `verify`."""
        self._set_time()
        self.svm.with_sigverify(verify)
        try:
            outcome = self.svm.simulate_transaction(transaction)
        finally:
            self.svm.with_sigverify(True)  # noqa: FBT003 - the binding takes it by position
        return _verdict(outcome)

    def land(self, transaction: VersionedTransaction) -> Verdict:
        """Execute a transaction and remember it; one that cannot pay its fee leaves no trace."""
        self._set_time()
        keys = self._keys(transaction)
        before = [self.svm.get_balance(key) or 0 for key in keys]
        verdict = _verdict(self.svm.send_transaction(transaction))
        after = [self.svm.get_balance(key) or 0 for key in keys]
        if verdict.err is not None and before == after:
            return verdict
        # A failed transaction that paid its fee has landed too: its signature is used up.
        meta = {"fee": verdict.fee, "logs": verdict.logs, "units": verdict.units, "pre": before, "post": after}
        self._book.record(
            self._landing(str(transaction.signatures[0]), bytes(transaction), verdict.err, meta),
            {key: self._present(key) for key in keys if not self._is_fixed(key)},
        )
        return verdict

    def airdrop(self, address: Pubkey, lamports: int) -> str:
        """Make lamports out of nothing and return a signature that can be asked about."""
        account = self.svm.get_account(address) or Account(0, b"", SYSTEM_PROGRAM)
        richer = Account(account.lamports + lamports, account.data, account.owner, account.executable)
        self.svm.set_account(address, richer)
        signature = str(Signature(hashlib.sha512(os.urandom(32)).digest()))
        meta = {"fee": 0, "logs": [], "units": 0, "pre": [account.lamports], "post": [richer.lamports]}
        self._book.record(self._landing(signature, b"", None, meta), {address: richer})
        return signature

    def _landing(self, signature: str, wire: bytes, err: Any, meta: dict[str, Any]) -> Landing:
        text = None if err is None else json.dumps(err)
        return Landing(signature, self.clock.slot(), int(time.time()), wire, text, json.dumps(meta))

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


def _verdict(outcome: TransactionMetadata | FailedTransactionMetadata | SimulatedTransactionInfo) -> Verdict:
    if isinstance(outcome, TransactionMetadata):
        return Verdict(None, outcome.logs(), outcome.compute_units_consumed(), outcome.fee(), {})
    meta = outcome.meta()
    if isinstance(outcome, SimulatedTransactionInfo):
        return Verdict(None, meta.logs(), meta.compute_units_consumed(), meta.fee(), dict(outcome.post_accounts()))
    # solders knows the RPC's shape of an error only inside an answer, so one is made to read it from.
    err = json.loads(RpcSimulateTransactionResult(err=outcome.err()).to_json())["err"]
    return Verdict(err, meta.logs(), meta.compute_units_consumed(), meta.fee(), {})
