"""The signer signs what our adapters build and nothing else, however a message is changed."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageAddressTableLookup, MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer

from adapters.solana import instructions as make
from adapters.solana.signer import policy
from adapters.solana.signer.policy import RULES, Rule, SigningLimits, SigningRefusedError, check_message
from tests.adapters.solana.signer.messages import (
    BLOCKHASH,
    CUSTODY,
    GROUP,
    HOLDER,
    KEYS,
    MESSAGES,
    MINT,
    RETIRED,
    STRANGER,
    Parts,
    compiled,
    compiled_of,
    minting,
)

LIMITS = SigningLimits()
NAMES = sorted(MESSAGES)
FREE_TEXT = bytes.fromhex("d2e11ea258b84d8d")  # name, symbol and uri may be any
POINTERS = {bytes([39]), bytes([40]), bytes([41])}
FREE_NUMBERS = {  # the program, and the first bytes of instructions whose number is free up to a limit
    struct.pack("<I", 2): SYSTEM_PROGRAM,
    struct.pack("<I", 9): SYSTEM_PROGRAM,
    bytes.fromhex("79716c2736330004"): make.TOKEN_2022,
    bytes.fromhex("6c25ab8ff81e126e"): make.TOKEN_2022,
}


def is_refused(message: object, limits: SigningLimits = LIMITS) -> bool:
    try:
        check_message(message, KEYS, limits)
    except SigningRefusedError:
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_what_the_adapters_build_is_signed(name: str) -> None:
    """Mints of each kind, burns and resizes pass."""
    check_message(MESSAGES[name](), KEYS, LIMITS)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=20)
def test_a_changed_byte_is_not_signed(name: str, data: st.DataObject) -> None:
    """Any byte of any instruction that is no free text and no free number."""
    parts = Parts.of(MESSAGES[name]())
    at = data.draw(st.sampled_from(range(len(parts.instructions))))
    program, body, accounts = parts.instructions[at]
    fixed = list(fixed_bytes(parts.keys[program], body))
    where, change = data.draw(st.sampled_from(fixed)), data.draw(st.integers(1, 255))
    changed = bytes(byte ^ change if index == where else byte for index, byte in enumerate(body))
    assume(not {body[:1], changed[:1]} <= POINTERS)  # one pointer to the mint itself for another one
    parts.instructions[at] = (program, changed, accounts)
    assert is_refused(parts.message())


def fixed_bytes(program: Pubkey, body: bytes) -> Iterator[int]:
    """Yield the places of the bytes that may have no other value."""
    if program == policy.COMPUTE_BUDGET:
        yield len(body) - 1  # the highest byte: far beyond each limit
        return
    free = range(0)
    if body.startswith(FREE_TEXT):
        free = range(len(FREE_TEXT), len(body))
    for first, of in FREE_NUMBERS.items():
        if program == of and body.startswith(first):
            is_allocation = first == struct.pack("<I", 9)
            free = range(len(body) - 40, len(body) - 38) if is_allocation else range(len(body) - 8, len(body))
    if body.startswith(struct.pack("<I", 2)):
        free = range(4, 7)  # lamports below the limit
    yield from (at for at in range(len(body)) if at not in free)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=20)
def test_a_changed_length_is_not_signed(name: str, data: st.DataObject) -> None:
    """Bytes cut off or added to an instruction."""
    parts = Parts.of(MESSAGES[name]())
    at = data.draw(st.sampled_from(range(len(parts.instructions))))
    program, body, accounts = parts.instructions[at]
    more = data.draw(st.one_of(st.binary(min_size=1, max_size=9), st.integers(1, len(body))))
    parts.instructions[at] = (program, body + more if isinstance(more, bytes) else body[:-more], accounts)
    assert is_refused(parts.message())


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=20)
def test_a_key_of_ours_in_another_place_is_not_signed(name: str, data: st.DataObject) -> None:
    """An instruction's account is replaced by another account of the message, or left out, or one is added."""
    parts = Parts.of(MESSAGES[name]())
    at = data.draw(st.sampled_from([at for at, (_, _, accounts) in enumerate(parts.instructions) if accounts]))
    program, body, accounts = parts.instructions[at]
    others = st.sampled_from(range(len(parts.keys)))
    kind = data.draw(st.sampled_from(["replace", "drop", "add"]))
    where = data.draw(st.sampled_from(range(len(accounts))))
    if kind == "replace":
        if words_of(parts.keys[program], body)[where] in {"mint", "account", "owner"}:
            return  # anybody's place: the transaction as a whole, or the chain, decides
        other = data.draw(others.filter(lambda one: one != accounts[where]))
        pair = {parts.keys[other], parts.keys[accounts[where]]}
        # A retired key and the present one of a role may both act in it.
        assume(not (pair & KEYS.retired and pair <= {KEYS.issuer, KEYS.delegate, *KEYS.retired}))
        accounts = accounts[:where] + bytes([other]) + accounts[where + 1 :]
    elif kind == "drop":
        accounts = accounts[:where] + accounts[where + 1 :]
    else:
        accounts += bytes([data.draw(others)])
    parts.instructions[at] = (program, body, accounts)
    assert is_refused(parts.message())


def words_of(program: Pubkey, body: bytes) -> list[str]:
    return next(rule.accounts for rule in RULES if rule.program == program and body.startswith(rule.prefix)).split()


BUDGETS = {bytes([2]), bytes([3])}
PROGRAMS = [SYSTEM_PROGRAM, make.TOKEN_2022, make.ASSOCIATED_TOKEN, policy.COMPUTE_BUDGET, STRANGER]


@pytest.mark.parametrize("name", NAMES)
@given(
    program=st.sampled_from(PROGRAMS),
    body=st.one_of(
        st.binary(max_size=60),
        st.builds(lambda tag, rest: bytes([tag]) + rest, st.integers(0, 60), st.binary(max_size=40)),
        st.builds(lambda tag, rest: struct.pack("<I", tag) + rest, st.integers(0, 13), st.binary(max_size=60)),
    ),
    places=st.lists(st.integers(0, 5), max_size=6),
    first=st.booleans(),
)
@settings(max_examples=20)
def test_an_instruction_more_is_not_signed(
    name: str, program: Pubkey, body: bytes, places: list[int], *, first: bool
) -> None:
    """Random instructions of the programs that are used, and of others, with our keys in their accounts."""
    assume(program != policy.COMPUTE_BUDGET or places or body[:1] not in BUDGETS)  # within the limit it is allowed
    parts = Parts.of(MESSAGES[name]())
    if program not in parts.keys:
        parts.keys.append(program)
        parts = parts._replace(header=(parts.header[0], parts.header[1], parts.header[2] + 1))
    added = (parts.keys.index(program), body, bytes(place % len(parts.keys) for place in places))
    parts.instructions.insert(0 if first else len(parts.instructions), added)
    assert is_refused(parts.message())


NEEDED = {"assign", "initialize mint", "mint one", "give up minting"}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.name in NEEDED], ids=lambda rule: str(rule.name))
def test_half_a_mint_is_not_signed(rule: Rule) -> None:
    """Anybody could finish it; an account without a token would be its owner's, with the rent."""
    parts = Parts.of(minting("ticket"))
    left = [one for one in parts.instructions if not is_by(rule, parts.keys[one[0]], one[1])]
    assert len(left) == len(parts.instructions) - 1
    assert is_refused(parts._replace(instructions=left).message())


def is_by(rule: Rule, program: Pubkey, body: bytes) -> bool:
    return rule.program == program and body.startswith(rule.prefix)


def _instruction(data: bytes, *accounts: tuple[Pubkey, bool]) -> Instruction:
    return Instruction(make.TOKEN_2022, data, [AccountMeta(one, signs, is_writable=True) for one, signs in accounts])


def set_authority(kind: int, to: Pubkey | None, by: Pubkey) -> Instruction:
    return _instruction(bytes([6, kind, to is not None]) + (bytes(to) if to else b""), (MINT, False), (by, True))


def update_field(name: str, value: str, by: Pubkey = KEYS.issuer) -> Instruction:
    texts = b"".join(struct.pack("<I", len(text)) + text.encode() for text in (name, value))
    return _instruction(bytes.fromhex("dde9312db5cadcc8") + bytes([3]) + texts, (MINT, False), (by, True))


def move(by: Pubkey) -> Instruction:
    return make.move_one(MINT, make.associated_account(KEYS.custody, MINT), HOLDER, by)


REFUSED: dict[str, Instruction] = {
    "lamports to a stranger": transfer(TransferParams(from_pubkey=KEYS.payer, to_pubkey=STRANGER, lamports=1)),
    "lamports of the issuer": transfer(TransferParams(from_pubkey=KEYS.issuer, to_pubkey=MINT, lamports=1)),
    "the delegate's right to a stranger": set_authority(8, STRANGER, KEYS.delegate),
    "the delegate's right to the issuer": set_authority(8, KEYS.issuer, KEYS.delegate),
    "the delegate's right by the issuer": set_authority(8, KEYS.delegate, KEYS.issuer),
    "the right to mint to a stranger": set_authority(0, STRANGER, KEYS.issuer),
    "the right to freeze": set_authority(1, KEYS.issuer, KEYS.issuer),
    "the right to close a mint": set_authority(6, KEYS.issuer, KEYS.issuer),
    "a pointer given up": set_authority(12, None, KEYS.issuer),
    "an account's ownership": set_authority(2, STRANGER, KEYS.custody),
    "two tokens of an old mint": make.mint_one(MINT, HOLDER, KEYS.issuer),
    "the burn by the issuer": make.burn_one(MINT, HOLDER, KEYS.issuer),
    "a resize by the delegate": make.resize_group(MINT, KEYS.delegate, 5),
    "an account that gets no token": make.create_associated(KEYS.payer, STRANGER, MINT),
    "a new name": _instruction(
        bytes.fromhex("dde9312db5cadcc8") + bytes([0]) + b"\x01\0\0\0x", (MINT, False), (KEYS.issuer, True)
    ),
    "the approval of another": _instruction(
        bytes([4]) + struct.pack("<Q", 1), (HOLDER, False), (STRANGER, False), (KEYS.custody, True)
    ),
    "a dear unit": set_compute_unit_price(LIMITS.fee_micro_lamports_max + 1),
    "a move by custody": move(KEYS.custody),
    "a move by the issuer": move(KEYS.issuer),
    "an account closed": _instruction(bytes([9]), (HOLDER, False), (KEYS.payer, False), (KEYS.custody, True)),
    "too many units": set_compute_unit_limit(policy.UNITS_MAX + 1),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_nobody_of_us_builds_is_refused(name: str) -> None:
    """Each is a valid instruction of a known program, signed by a key of ours."""
    assert is_refused(compiled(REFUSED[name]))


ALLOWED: dict[str, list[Instruction]] = {
    "a field of our own": [update_field("root", "ab" * 32)],
    "a field and its rent": [
        transfer(TransferParams(from_pubkey=KEYS.payer, to_pubkey=MINT, lamports=700_000)),
        update_field("root", "ab" * 32),
    ],
    "a claim": [make.create_associated(KEYS.payer, STRANGER, MINT), move(KEYS.delegate)],
    "a claim by the delegate before": [move(RETIRED.pubkey())],
    "the delegate's right to the next delegate": [set_authority(8, KEYS.delegate, RETIRED.pubkey())],
    "a pointer to the next issuer": [set_authority(12, KEYS.issuer, RETIRED.pubkey())],
}


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_claims_roots_and_rotations_are_signed(name: str) -> None:
    """The neighbours of the mint: compressed shows, claims, rotations."""
    check_message(compiled(*ALLOWED[name]), KEYS, LIMITS)


def test_too_many_lamports_are_refused() -> None:
    """Also into a mint of ours, and in parts."""
    half = policy.LAMPORTS_MAX_PER_MINT // 2 + 1
    pay = transfer(TransferParams(from_pubkey=KEYS.payer, to_pubkey=MINT, lamports=half))
    check_message(compiled(pay, update_field("root", "1")), KEYS, LIMITS)
    assert is_refused(compiled(pay, pay, update_field("root", "1")))


def test_a_message_of_another_shape_is_refused() -> None:
    """A legacy message, address tables, another fee payer, a signer that nothing needs, a missing account."""
    good = Parts.of(minting("venue"))
    burn = make.burn_one(MINT, HOLDER, KEYS.delegate)
    table = [MessageAddressTableLookup(GROUP, b"\x00", b"")]
    assert is_refused(Message.new_with_blockhash([burn], KEYS.payer, BLOCKHASH))
    assert is_refused(
        MessageV0(MessageHeader(*good.header), good.keys, BLOCKHASH, compiled_of(good.instructions), table)
    )
    assert is_refused(MessageV0.try_compile(KEYS.delegate, [burn], [], BLOCKHASH))
    extra = Instruction(policy.COMPUTE_BUDGET, bytes([2, 0, 0, 0, 0]), [AccountMeta(CUSTODY.pubkey(), True, False)])  # noqa: FBT003
    assert is_refused(compiled(burn, extra))
    broken = Parts.of(compiled(burn))
    broken.instructions[-1] = (*broken.instructions[-1][:2], bytes([200, 0, 0]))
    assert is_refused(broken.message())


def test_a_new_token_names_no_retired_key() -> None:
    """A rotation ends: nothing new is made for the key before it."""
    swapped = Parts.of(minting("ticket"))
    for at, one in enumerate(swapped.keys):
        if one == KEYS.issuer:
            swapped.keys[at] = RETIRED.pubkey()
    assert is_refused(swapped.message())
