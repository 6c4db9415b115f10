"""The bytes of the Token-2022 instructions that make venues, shows and tickets.

The source of each number is the public interface of the program: Token-2022 for one-byte tags, and the token metadata
and token group interfaces for the eight-byte ones (the first bytes of a hash of the instruction's name).
"""

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import (
    ID as SYSTEM_PROGRAM,
)
from solders.system_program import (
    AllocateWithSeedParams,
    AssignWithSeedParams,
    TransferParams,
    allocate_with_seed,
    assign_with_seed,
    transfer,
)

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")

_METADATA_POINTER = 39
_GROUP_POINTER = 40
_GROUP_MEMBER_POINTER = 41
_PERMANENT_DELEGATE = 35
_NON_TRANSFERABLE = 32
_TRANSFER_CHECKED = 12
_INITIALIZE_MINT_2 = 20
_MINT_TO = 7
_BURN = 8
_SET_AUTHORITY = 6
_MINT_AUTHORITY = 0
_CREATE_IDEMPOTENT = 1
_INITIALIZE_METADATA = bytes.fromhex("d2e11ea258b84d8d")
_UPDATE_FIELD = bytes.fromhex("dde9312db5cadcc8")
_OTHER_FIELD = 3
_INITIALIZE_GROUP = bytes.fromhex("79716c2736330004")
_RESIZE_GROUP = bytes.fromhex("6c25ab8ff81e126e")
_HAND_OVER_METADATA = bytes.fromhex("d7e4a6e45464567b")
_HAND_OVER_GROUP = bytes.fromhex("a1695801edddd8cb")
_INITIALIZE_MEMBER = bytes.fromhex("9820deb0dfed7486")


def signed_words(instruction: bytes) -> tuple[str, str, str] | None:
    """Return name, symbol and uri of the instruction that writes the metadata; None for any other."""
    if not instruction.startswith(_INITIALIZE_METADATA):
        return None
    at, words = len(_INITIALIZE_METADATA), []
    for _ in range(3):
        (length,) = struct.unpack_from("<I", instruction, at)
        words.append(instruction[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return words[0], words[1], words[2]


def signed_size(instruction: bytes) -> int | None:
    """Return the size limit of the instruction that makes a group; None for any other."""
    if not instruction.startswith(_INITIALIZE_GROUP):
        return None
    return int(struct.unpack_from("<Q", instruction, len(_INITIALIZE_GROUP) + 32)[0])


def signed_delegate(instruction: bytes) -> str | None:
    """Return the permanent delegate of the instruction that sets it; None for any other."""
    is_it = instruction[:1] == bytes([_PERMANENT_DELEGATE]) and len(instruction) == 1 + Pubkey.LENGTH
    return str(Pubkey(instruction[1:])) if is_it else None


def is_membership(instruction: bytes) -> bool:
    """Say whether an instruction makes a mint a member of the group in its fourth account."""
    return instruction.startswith(_INITIALIZE_MEMBER)


def is_soulbinding(instruction: bytes) -> bool:
    """Say whether an instruction of Token-2022 makes the tokens of a mint soulbound."""
    return instruction == bytes([_NON_TRANSFERABLE])


def associated_account(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """Return the address of the token account in which a wallet holds this mint."""
    seeds = [bytes(owner), bytes(TOKEN_2022), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN)[0]


def place_account(payer: Pubkey, base: Pubkey, mint: Pubkey, place: tuple[str, int, int]) -> list[Instruction]:
    """Make the mint's account in three steps; `place` is its seed, its lamports and its space.

    One createAccountWithSeed would do, but it fails on an address that holds lamports: any stranger could block a
    ticket by sending one lamport to its address.
    """
    seed, lamports, space = place
    return [
        transfer(TransferParams(from_pubkey=payer, to_pubkey=mint, lamports=lamports)),
        allocate_with_seed(
            AllocateWithSeedParams(address=mint, base=base, seed=seed, space=space, owner=TOKEN_2022),
        ),
        assign_with_seed(AssignWithSeedParams(address=mint, base=base, seed=seed, owner=TOKEN_2022)),
    ]


def point_metadata(mint: Pubkey, authority: Pubkey) -> Instruction:
    """Point the mint's metadata to the mint itself; must come before the mint is initialised."""
    return _point(_METADATA_POINTER, mint, authority)


def point_group(mint: Pubkey, authority: Pubkey) -> Instruction:
    """Point the mint's group to the mint itself; must come before the mint is initialised."""
    return _point(_GROUP_POINTER, mint, authority)


def point_member(mint: Pubkey, authority: Pubkey) -> Instruction:
    """Point the mint's membership to the mint itself; must come before the mint is initialised."""
    return _point(_GROUP_MEMBER_POINTER, mint, authority)


def set_permanent_delegate(mint: Pubkey, delegate: Pubkey) -> Instruction:
    """Let the delegate move or burn the token for ever; must come before the mint is initialised."""
    return Instruction(TOKEN_2022, bytes([_PERMANENT_DELEGATE]) + bytes(delegate), [_writable(mint)])


def forbid_transfers(mint: Pubkey) -> Instruction:
    """Make the mint's tokens soulbound: nobody can move one; must come before the mint is initialised."""
    return Instruction(TOKEN_2022, bytes([_NON_TRANSFERABLE]), [_writable(mint)])


def initialize_mint(mint: Pubkey, mint_authority: Pubkey) -> Instruction:
    """Make the account a mint with no decimals and no freeze authority."""
    body = bytes([_INITIALIZE_MINT_2, 0]) + bytes(mint_authority) + bytes([0])
    return Instruction(TOKEN_2022, body, [_writable(mint)])


def makes_mint(contents: bytes) -> bool:
    """Return whether the contents of an instruction make an account a mint of ours."""
    return contents[:2] == bytes([_INITIALIZE_MINT_2, 0])


def initialize_metadata(mint: Pubkey, authority: Pubkey, words: tuple[str, str, str]) -> Instruction:
    """Write name, symbol and uri; the account grows and must hold the lamports for it."""
    body = _INITIALIZE_METADATA + b"".join(_borsh(word) for word in words)
    accounts = [_writable(mint), _readable(authority), _readable(mint), _signer(authority)]
    return Instruction(TOKEN_2022, body, accounts)


def write_field(mint: Pubkey, authority: Pubkey, key: str, value: str) -> Instruction:
    """Write an additional field of the metadata, new or in the place of the old; a new one makes the account grow."""
    body = _UPDATE_FIELD + bytes([_OTHER_FIELD]) + _borsh(key) + _borsh(value)
    return Instruction(TOKEN_2022, body, [_writable(mint), _signer(authority)])


def initialize_group(mint: Pubkey, authority: Pubkey, max_size: int) -> Instruction:
    """Make the mint a group of at most `max_size` members."""
    body = _INITIALIZE_GROUP + bytes(authority) + struct.pack("<Q", max_size)
    return Instruction(TOKEN_2022, body, [_writable(mint), _readable(mint), _signer(authority)])


def resize_group(mint: Pubkey, authority: Pubkey, max_size: int) -> Instruction:
    """Change a group's size limit; the program refuses fewer than its members."""
    return Instruction(TOKEN_2022, _RESIZE_GROUP + struct.pack("<Q", max_size), [_writable(mint), _signer(authority)])


def initialize_member(mint: Pubkey, group: Pubkey, authority: Pubkey, over_group: Pubkey) -> Instruction:
    """Make the mint a member of a group; the program refuses when the group is full."""
    accounts = [_writable(mint), _readable(mint), _signer(authority), _writable(group), _signer(over_group)]
    return Instruction(TOKEN_2022, _INITIALIZE_MEMBER, accounts)


def create_associated(payer: Pubkey, owner: Pubkey, mint: Pubkey) -> Instruction:
    """Make the owner's token account if it is not there yet."""
    accounts = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        _writable(associated_account(owner, mint)),
        _readable(owner),
        _readable(mint),
        _readable(SYSTEM_PROGRAM),
        _readable(TOKEN_2022),
    ]
    return Instruction(ASSOCIATED_TOKEN, bytes([_CREATE_IDEMPOTENT]), accounts)


def mint_one(mint: Pubkey, account: Pubkey, authority: Pubkey) -> Instruction:
    """Mint one token into an account."""
    body = bytes([_MINT_TO]) + struct.pack("<Q", 1)
    return Instruction(TOKEN_2022, body, [_writable(mint), _writable(account), _signer(authority)])


def burn_one(mint: Pubkey, account: Pubkey, delegate: Pubkey) -> Instruction:
    """Burn one token in anybody's account, as the mint's permanent delegate."""
    body = bytes([_BURN]) + struct.pack("<Q", 1)
    return Instruction(TOKEN_2022, body, [_writable(account), _writable(mint), _signer(delegate)])


def move_one(mint: Pubkey, source: Pubkey, target: Pubkey, delegate: Pubkey) -> Instruction:
    """Move one token between two accounts, as the mint's permanent delegate."""
    body = bytes([_TRANSFER_CHECKED]) + struct.pack("<Q", 1) + bytes([0])  # one, of no decimals
    return Instruction(TOKEN_2022, body, [_writable(source), _readable(mint), _writable(target), _signer(delegate)])


def drop_mint_authority(mint: Pubkey, authority: Pubkey) -> Instruction:
    """Give up minting for good: the supply can never rise again."""
    return Instruction(TOKEN_2022, bytes([_SET_AUTHORITY, _MINT_AUTHORITY, 0]), [_writable(mint), _signer(authority)])


def hand_over(mint: Pubkey, by: Pubkey, kind: int, to: Pubkey) -> Instruction:
    """Give an authority over a mint to another key; `kind` is the program's number of the authority."""
    body = bytes([_SET_AUTHORITY, kind, 1]) + bytes(to)
    return Instruction(TOKEN_2022, body, [_writable(mint), _signer(by)])


def hand_over_metadata(mint: Pubkey, by: Pubkey, to: Pubkey) -> Instruction:
    """Give the authority over a mint's metadata to another key."""
    return Instruction(TOKEN_2022, _HAND_OVER_METADATA + bytes(to), [_writable(mint), _signer(by)])


def hand_over_group(mint: Pubkey, by: Pubkey, to: Pubkey) -> Instruction:
    """Give the authority over a mint's group to another key."""
    return Instruction(TOKEN_2022, _HAND_OVER_GROUP + bytes(to), [_writable(mint), _signer(by)])


def _point(tag: int, mint: Pubkey, authority: Pubkey) -> Instruction:
    return Instruction(TOKEN_2022, bytes([tag, 0]) + bytes(authority) + bytes(mint), [_writable(mint)])


def _borsh(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _readable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
