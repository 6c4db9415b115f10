"""The allow list of the signer: which instruction of which program, with which of our keys in which place.

Whatever is not listed is refused: another program, another instruction, one byte too many, a key of ours in another
place. A worker that was taken over can then sign only what mints, burns, claims and rotations consist of. The bytes
stand here a second time on purpose: a wrong one in `adapters/solana/instructions.py` is refused.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from solders.compute_budget import ID
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from adapters.solana.instructions import ASSOCIATED_TOKEN, TOKEN_2022, associated_account
from adapters.solana.signer.keys import KeyAddresses, Role

COMPUTE_BUDGET = ID
LAMPORTS_MAX_PER_MINT = 10_000_000  # rent of a mint that this transaction makes or writes to
UNITS_MAX = 400_000
SPACE_MAX = 1_024
SEED_CHARS_MAX = 32
TEXT_BYTES_MAX = 256
_U64, _U32, _KEY = 8, 4, 32
_ONE = struct.pack("<Q", 1)
_SOME, _NONE = bytes([1]), bytes([0])


class SigningRefusedError(RuntimeError):
    """A message that is not on the allow list: a bug, or somebody who has taken over a worker. Nothing was signed."""


class SigningLimits(NamedTuple):
    """The most that may be signed: micro-lamports per compute unit, and transactions a minute."""

    fee_micro_lamports_max: int = 1_000_000
    per_minute: int = 600


@dataclass
class _Effects:
    """What the instructions seen so far do, for the rules about the whole transaction."""

    signers: set[Pubkey]
    paid: dict[Pubkey, int] = field(default_factory=dict)  # lamports, by the account that gets them
    made: set[Pubkey] = field(default_factory=set)  # accounts given to the token program
    initialized: set[Pubkey] = field(default_factory=set)  # mints
    closed: set[Pubkey] = field(default_factory=set)  # mints whose authority is given up
    minted: set[Pubkey] = field(default_factory=set)  # mints that a token was made of
    written: set[Pubkey] = field(default_factory=set)  # mints whose metadata is written
    opened: set[Pubkey] = field(default_factory=set)  # token accounts whose rent we pay
    received: set[Pubkey] = field(default_factory=set)  # token accounts that get a token


class _View(NamedTuple):
    """One instruction as its rule sees it: `rest` are the data after the rule's first bytes."""

    keys: KeyAddresses
    rest: bytes
    accounts: tuple[Pubkey, ...]
    effects: _Effects


class Rule(NamedTuple):
    """One allowed instruction: its first bytes, the role in each of its accounts, and the check of the other bytes.

    `mint`, `account` and `owner` are anybody's, a `new-mint` is made in the same transaction, `system` and `token-2022`
    are those programs; every other word is a key of ours (`_keys_for`), which signs.
    """

    name: str
    program: Pubkey
    prefix: bytes
    accounts: str
    check: Callable[[_View], bool]


def check_message(message: object, keys: KeyAddresses, limits: SigningLimits) -> None:
    """Raise SigningRefusedError unless every instruction, and the transaction as a whole, is on the allow list."""
    if not isinstance(message, MessageV0) or message.address_table_lookups:
        raise SigningRefusedError("the message is of another version, or has address tables")
    accounts = message.account_keys
    if not accounts or accounts[0] != keys.payer:
        raise SigningRefusedError("the fee is not paid by our payer")
    effects = _Effects({keys.payer})
    for at, one in enumerate(message.instructions):
        named = [one.program_id_index, *bytes(one.accounts)]
        if max(named) >= len(accounts):
            raise SigningRefusedError(f"instruction {at} names an account that the message lacks")
        program, *places = (accounts[index] for index in named)
        if not _is_allowed(program, bytes(one.data), tuple(places), (keys, limits, effects)):
            raise SigningRefusedError(f"instruction {at}, of the program {program}, is not allowed")
    signers = set(accounts[: message.header.num_required_signatures])
    for fault, found in _faults(effects, signers).items():
        if found:
            raise SigningRefusedError(f"{fault}: {', '.join(sorted(map(str, found)))}")


def _faults(effects: _Effects, signers: set[Pubkey]) -> dict[str, set[Pubkey]]:
    """Return what no transaction of ours may do as a whole, with the accounts in question."""
    costly = {account for account, lamports in effects.paid.items() if lamports > LAMPORTS_MAX_PER_MINT}
    return {
        "signers that no instruction needs, or that are missing": signers ^ effects.signers,
        "lamports go to accounts that are no mints of ours": effects.paid.keys() - effects.made - effects.written,
        "more lamports than a mint costs": costly,
        "an account is left for anybody to initialize": effects.made - effects.initialized,
        "a mint could make more tokens": effects.made - effects.closed,
        "a token account is opened that gets no token": effects.opened - effects.received,
    }


def _is_allowed(
    program: Pubkey, data: bytes, accounts: tuple[Pubkey, ...], judged: tuple[KeyAddresses, SigningLimits, _Effects]
) -> bool:
    keys, limits, effects = judged
    if program == COMPUTE_BUDGET:
        return not accounts and _is_budget(data, limits)
    for rule in RULES:
        if rule.program == program and data.startswith(rule.prefix):
            view = _View(keys, data[len(rule.prefix) :], accounts, effects)
            return _fit(rule.accounts.split(), view) and rule.check(view)
    return False


def _fit(words: list[str], view: _View) -> bool:
    """Say whether the accounts are those of a rule; note which of them sign."""
    if len(words) != len(view.accounts):
        return False
    for word, account in zip(words, view.accounts, strict=True):
        allowed = view.effects.made if word == "new-mint" else _keys_for(word, view.keys)
        if allowed is None:
            continue
        if account not in allowed:
            return False
        if word not in _SIGN_NOTHING:
            view.effects.signers.add(account)
    return True


_ANYBODY = frozenset({"mint", "account", "owner"})
_WITH_RETIRED: Mapping[str, Role] = {"issuer": "issuer", "delegate": "delegate"}
_SIGN_NOTHING = frozenset({"system", "token-2022", "new-mint"})


def _keys_for(word: str, keys: KeyAddresses) -> frozenset[Pubkey] | None:
    """Return the addresses that may stand in a place; None for any. A new token names no retired key."""
    present = {"payer": keys.payer, "new-issuer": keys.issuer}
    fixed: Mapping[str, Pubkey] = {**present, "system": SYSTEM_PROGRAM, "token-2022": TOKEN_2022}
    if word in fixed:
        return frozenset({fixed[word]})
    if word in _ANYBODY:
        return None
    return keys.may_act_as(_WITH_RETIRED[word])


def _is_budget(data: bytes, limits: SigningLimits) -> bool:
    tag, value = data[:1], int.from_bytes(data[1:], "little")
    if tag == bytes([2]):
        return len(data) == 1 + _U32 and value <= UNITS_MAX
    return tag == bytes([3]) and len(data) == 1 + _U64 and value <= limits.fee_micro_lamports_max


def _pays(view: _View) -> bool:
    to, paid = view.accounts[1], view.effects.paid
    paid[to] = paid.get(to, 0) + int.from_bytes(view.rest, "little")
    return len(view.rest) == _U64


def _allocates(view: _View) -> bool:
    seed, rest = _seed(view.rest[_KEY:])
    space = int.from_bytes(rest[:_U64], "little")
    return space <= SPACE_MAX and _is_derived(view, seed, rest[_U64:])


def _assigns(view: _View) -> bool:
    seed, owner = _seed(view.rest[_KEY:])
    view.effects.made.add(view.accounts[0])
    return _is_derived(view, seed, owner)


def _seed(data: bytes) -> tuple[str, bytes]:
    """Return a seed and the bytes after it; an empty one where there is none."""
    length = int.from_bytes(data[:_U64], "little")
    text, rest = data[_U64 : _U64 + length], data[_U64 + length :]
    return (text.decode(), rest) if text.isascii() and length == len(text) <= SEED_CHARS_MAX else ("", b"")


def _is_derived(view: _View, seed: str, owner: bytes) -> bool:
    """Say whether the account is the issuer's of this seed, for the token program."""
    issuer = view.keys.issuer
    expected = Pubkey.create_with_seed(issuer, seed, TOKEN_2022)
    return view.rest[:_KEY] == bytes(issuer) and owner == bytes(TOKEN_2022) and view.accounts[0] == expected


def _points_to_itself(view: _View) -> bool:
    return view.rest == bytes(view.keys.issuer) + bytes(view.accounts[0])


def _initializes(view: _View) -> bool:
    view.effects.initialized.add(view.accounts[0])
    return view.rest == bytes([0]) + bytes(view.keys.issuer) + _NONE  # decimals, authority, no freeze authority


def _mints_one(view: _View) -> bool:
    mint, account, _ = view.accounts
    is_first = mint not in view.effects.minted
    view.effects.minted.add(mint)
    view.effects.received.add(account)
    return is_first and view.rest == _ONE


def _moves_one(view: _View) -> bool:
    view.effects.received.add(view.accounts[2])
    return view.rest == _ONE + bytes([0])


def _gives_up_minting(view: _View) -> bool:
    if view.rest == _NONE:
        view.effects.closed.add(view.accounts[0])
        return True
    return _is_for_issuer(view)


def _is_for_issuer(view: _View) -> bool:
    return view.rest == _SOME + bytes(view.keys.issuer)


def _is_issuer(view: _View) -> bool:
    return view.rest == bytes(view.keys.issuer)


def _opens(view: _View) -> bool:
    account, owner, mint = view.accounts[1:4]
    view.effects.opened.add(account)
    return not view.rest and account == associated_account(owner, mint)


def _writes_words(view: _View) -> bool:
    return view.accounts[0] == view.accounts[2] and _are_texts(view.rest, 3)


def _writes_field(view: _View) -> bool:
    view.effects.written.add(view.accounts[0])
    return _are_texts(view.rest, 2)


def _are_texts(data: bytes, count: int) -> bool:
    """Say whether the data are so many texts with their lengths, none of them too long."""
    for _ in range(count):
        length = int.from_bytes(data[:_U32], "little")
        if len(data) < _U32 + length or length > TEXT_BYTES_MAX:
            return False
        data = data[_U32 + length :]
    return not data


def _makes_group(view: _View) -> bool:
    is_own = view.accounts[0] == view.accounts[1]
    return is_own and view.rest[:_KEY] == bytes(view.keys.issuer) and len(view.rest) == _KEY + _U64


def _joins(view: _View) -> bool:
    return not view.rest and view.accounts[0] == view.accounts[1]


def _is_delegate(view: _View) -> bool:
    return view.rest == bytes(view.keys.delegate)


def _token(name: str, prefix: bytes | str, accounts: str, check: Callable[[_View], bool]) -> Rule:
    first = bytes.fromhex(prefix) if isinstance(prefix, str) else prefix
    return Rule(name, TOKEN_2022, first, accounts, check)


RULES: tuple[Rule, ...] = (
    Rule("pay rent", SYSTEM_PROGRAM, struct.pack("<I", 2), "payer mint", _pays),
    Rule("allocate", SYSTEM_PROGRAM, struct.pack("<I", 9), "mint new-issuer", _allocates),
    Rule("assign", SYSTEM_PROGRAM, struct.pack("<I", 10), "mint new-issuer", _assigns),
    Rule("open account", ASSOCIATED_TOKEN, bytes([1]), "payer account owner mint system token-2022", _opens),
    _token("point metadata", bytes([39, 0]), "new-mint", _points_to_itself),
    _token("point group", bytes([40, 0]), "new-mint", _points_to_itself),
    _token("point member", bytes([41, 0]), "new-mint", _points_to_itself),
    _token("set delegate", bytes([35]), "new-mint", _is_delegate),
    _token("bind to its owner", bytes([32]), "new-mint", lambda view: not view.rest),
    _token("initialize mint", bytes([20]), "new-mint", _initializes),
    _token("mint one", bytes([7]), "new-mint account new-issuer", _mints_one),
    _token("burn one", bytes([8]), "account mint delegate", lambda view: view.rest == _ONE),
    _token("move one", bytes([12]), "account mint account delegate", _moves_one),
    _token("give up minting", bytes([6, 0]), "mint issuer", _gives_up_minting),
    _token("hand over delegate", bytes([6, 8, 1]), "mint delegate", _is_delegate),
    _token("hand over metadata pointer", bytes([6, 12]), "mint issuer", _is_for_issuer),
    _token("hand over group pointer", bytes([6, 13]), "mint issuer", _is_for_issuer),
    _token("hand over member pointer", bytes([6, 14]), "mint issuer", _is_for_issuer),
    _token("write name, symbol, uri", "d2e11ea258b84d8d", "new-mint new-issuer new-mint new-issuer", _writes_words),
    _token("write own field", "dde9312db5cadcc803", "mint issuer", _writes_field),
    _token("hand over metadata", "d7e4a6e45464567b", "mint issuer", _is_issuer),
    _token("make group", "79716c2736330004", "new-mint new-mint new-issuer", _makes_group),
    _token("resize group", "6c25ab8ff81e126e", "mint issuer", lambda view: len(view.rest) == _U64),
    _token("join group", "9820deb0dfed7486", "new-mint new-mint new-issuer mint issuer", _joins),
    _token("hand over group", "a1695801edddd8cb", "mint issuer", _is_issuer),
)
