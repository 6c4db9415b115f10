"""Accounts and transactions of the dev chain: in SQLite, written before a call is answered; past states in memory."""

import os
import sqlite3
import struct
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN

_SCHEMA = """
CREATE TABLE IF NOT EXISTS metadata (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
  address BLOB PRIMARY KEY, lamports INTEGER NOT NULL, owner BLOB NOT NULL, executable INTEGER NOT NULL,
  contents BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS token_holders ON accounts (owner, substr(contents, 33, 32));
CREATE TABLE IF NOT EXISTS transactions (
  number INTEGER PRIMARY KEY, signature TEXT NOT NULL UNIQUE, slot INTEGER NOT NULL, landed_at INTEGER NOT NULL,
  wire BLOB NOT NULL, err TEXT, meta TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transaction_accounts (
  address BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (address, number)) WITHOUT ROWID;
"""
_RENT_EXEMPT = 2**64 - 1
_COLUMNS = "signature, slot, landed_at, wire, err, meta"
_EXIT_DISK = 74
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
_HOLDING_BYTES = 165
_HOLDING_TYPE = 2
_DECIMALS_AT = 44
_BEFORE = -1  # the slot of the state before the first change that is remembered


@dataclass(frozen=True)
class LandedTransaction:
    """A transaction that took a place on the chain, whether it succeeded or only paid its fee.

    `err` and `meta` are JSON; `wire` is empty for an airdrop, which has no signer.
    """

    signature: str
    slot: int
    landed_at: int
    wire: bytes
    err: str | None
    meta: str


@contextmanager
def _exit_on_disk_error() -> Iterator[None]:
    # The virtual machine is already ahead of the file: continuing would answer with state that a restart loses.
    try:
        yield
    except sqlite3.Error as error:
        sys.stderr.write(f"dev chain: cannot write the state file, exiting: {error}\n")
        sys.stderr.flush()
        os._exit(_EXIT_DISK)


class AccountStore:
    """Reads and writes the SQLite file of one dev chain."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        # WAL without a sync per commit outlives the death of the process; a dev chain need not outlive a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def read_metadata(self, name: str) -> str | None:
        """Return a stored value, such as the clock's anchor."""
        row = self._db.execute("SELECT value FROM metadata WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def write_metadata(self, name: str, value: str) -> None:
        """Store a value, replacing the old one."""
        with _exit_on_disk_error():
            self._db.execute("INSERT OR REPLACE INTO metadata VALUES (?, ?)", (name, value))

    def accounts(self) -> Iterator[tuple[Pubkey, Account]]:
        """Yield all stored accounts."""
        for row in self._db.execute("SELECT address, lamports, contents, owner, executable FROM accounts"):
            yield Pubkey(row[0]), _account(row[1:])

    def token_accounts(self, holder: Pubkey, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts of one program that a wallet holds."""
        rows = self._db.execute(
            "SELECT address, lamports, contents, owner, executable FROM accounts"
            " WHERE owner = ? AND substr(contents, 33, 32) = ? AND"
            " (length(contents) = 165 OR substr(contents, 166, 1) = x'02') ORDER BY address",
            (bytes(program), bytes(holder)),
        )
        return [(Pubkey(row[0]), _account(row[1:])) for row in rows]

    def holders(self, mint: Pubkey, program: Pubkey, limit: int) -> list[tuple[Pubkey, int]]:
        """Return the token accounts with a balance of this mint, and the balance, largest first."""
        rows = self._db.execute(
            "SELECT address, contents FROM accounts WHERE owner = ? AND substr(contents, 1, 32) = ? AND"
            " (length(contents) = 165 OR substr(contents, 166, 1) = x'02')",
            (bytes(program), bytes(mint)),
        )
        held = [(Pubkey(address), int.from_bytes(contents[64:72], "little")) for address, contents in rows]
        return sorted((one for one in held if one[1]), key=lambda one: -one[1])[:limit]

    def record(self, landed: LandedTransaction, touched: dict[Pubkey, Account | None]) -> None:
        """Store a transaction and every account that it changed, in one commit."""
        with _exit_on_disk_error():
            self._db.execute("BEGIN IMMEDIATE")
            number = self._db.execute(
                f"INSERT INTO transactions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (landed.signature, landed.slot, landed.landed_at, landed.wire, landed.err, landed.meta),
            ).lastrowid
            for address, account in touched.items():
                self._write_account(address, account)
                self._db.execute("INSERT INTO transaction_accounts VALUES (?, ?)", (bytes(address), number))
            self._db.execute("COMMIT")

    def abandon(self, last_slot: int, restored: dict[Pubkey, Account | None]) -> None:
        """Delete the transactions after a slot, and restore the accounts that they changed, in one commit."""
        with _exit_on_disk_error():
            self._db.execute("BEGIN IMMEDIATE")
            later = "(SELECT number FROM transactions WHERE slot > ?)"
            self._db.execute(f"DELETE FROM transaction_accounts WHERE number IN {later}", (last_slot,))  # noqa: S608
            self._db.execute("DELETE FROM transactions WHERE slot > ?", (last_slot,))
            for address, account in restored.items():
                self._write_account(address, account)
            self._db.execute("COMMIT")

    def transaction(self, signature: str) -> LandedTransaction | None:
        """Return the transaction with this signature, or None if it never landed."""
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM transactions WHERE signature = ?",  # noqa: S608 - a constant
            (signature,),
        ).fetchone()
        return None if row is None else LandedTransaction(*row)

    def transactions_of(self, address: Pubkey, limit: int, before: str | None) -> list[LandedTransaction]:
        """Return the transactions that involve an address, newest first, up to an optional signature."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM transactions JOIN transaction_accounts USING (number)"  # noqa: S608 - a constant
            " WHERE address = ?1 AND (?2 IS NULL OR number < (SELECT number FROM transactions WHERE signature = ?2))"
            " ORDER BY number DESC LIMIT ?3",
            (bytes(address), before, limit),
        )
        return [LandedTransaction(*row) for row in rows]

    def _write_account(self, address: Pubkey, account: Account | None) -> None:
        if account is None:
            self._db.execute("DELETE FROM accounts WHERE address = ?", (bytes(address),))
            return
        self._db.execute(
            "INSERT OR REPLACE INTO accounts (address, lamports, owner, executable, contents) VALUES (?, ?, ?, ?, ?)",
            (bytes(address), account.lamports, bytes(account.owner), account.executable, bytes(account.data)),
        )


def _account(row: tuple[int, bytes, bytes, int]) -> Account:
    lamports, contents, owner, executable = row
    return Account(lamports, contents, Pubkey(owner), bool(executable), _RENT_EXEMPT)


@dataclass(frozen=True)
class Holding:
    """A token account."""

    mint: Pubkey
    owner: Pubkey
    program: Pubkey
    amount: int


class AccountPast:
    """The states of recently changed accounts by slot, in memory: after a restart every state counts as final."""

    def __init__(self) -> None:
        self._states: dict[Pubkey, list[tuple[int, Account | None]]] = {}
        self._changes: deque[tuple[int, Pubkey]] = deque()

    def add(self, address: Pubkey, slot: int, before: Account | None, after: Account | None) -> None:
        """Remember a change."""
        self._states.setdefault(address, [(_BEFORE, before)]).append((slot, after))
        self._changes.append((slot, address))

    def at(self, address: Pubkey, slot: int) -> tuple[bool, Account | None]:
        """Return whether the past of an account is known, and its state at a slot."""
        states = self._states.get(address)
        if states is None:
            return False, None
        return True, next(account for since, account in reversed(states) if since <= slot)

    def back_to(self, slot: int) -> dict[Pubkey, Account | None]:
        """Forget every change after a slot; return the states of the changed accounts at it."""
        restored = {}
        for address, states in self._states.items():
            if states[-1][0] > slot:
                self._states[address] = [state for state in states if state[0] <= slot]
                restored[address] = self._states[address][-1][1]
        return restored

    def forget(self, slot: int) -> None:
        """Forget the states that no read at a later slot needs."""
        while self._changes and self._changes[0][0] < slot:
            _, address = self._changes.popleft()
            states = self._states.get(address, [])
            while len(states) > 1 and states[1][0] <= slot:
                del states[0]
            if len(states) == 1:
                self._states.pop(address, None)


def holding_of(account: Account | None) -> Holding | None:
    """Return the token account in an account; None when it is none."""
    if account is None or account.owner not in (TOKEN, TOKEN_2022) or len(account.data) < _HOLDING_BYTES:
        return None
    contents = bytes(account.data)
    if len(contents) > _HOLDING_BYTES and contents[_HOLDING_BYTES] != _HOLDING_TYPE:
        return None
    (amount,) = struct.unpack_from("<Q", contents, 64)
    return Holding(Pubkey(contents[:32]), Pubkey(contents[32:64]), account.owner, amount)


def decimals_of(mint: Account | None) -> int:
    """Return the decimals of a mint; 0 without one."""
    return bytes(mint.data)[_DECIMALS_AT] if mint is not None and len(mint.data) > _DECIMALS_AT else 0
