"""Decode a Token-2022 mint: its fixed part and its extensions, and find every difference from its spec."""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from solders.account import Account
from solders.pubkey import Pubkey

from adapters.solana.instructions import TOKEN_2022
from domain.tickets.token import TokenHolding, TokenSpec, TokenState

EXTENSIONS_START = 166
EXTENSION_HEADER_BYTES = 4
POINTER_BYTES = 64
DELEGATE_BYTES = 32
GROUP_BYTES = 80
MEMBER_BYTES = 72

NON_TRANSFERABLE = 9
PERMANENT_DELEGATE = 12
METADATA_POINTER = 18
METADATA = 19
GROUP_POINTER = 20
GROUP = 21
MEMBER_POINTER = 22
MEMBER = 23

EXTENSIONS = {
    "venue": frozenset({METADATA_POINTER, METADATA, GROUP_POINTER, GROUP}),
    "show": frozenset({METADATA_POINTER, METADATA, GROUP_POINTER, GROUP, MEMBER_POINTER, MEMBER}),
    "ticket": frozenset({METADATA_POINTER, METADATA, PERMANENT_DELEGATE, MEMBER_POINTER, MEMBER}),
}


def extensions_of(spec: TokenSpec) -> frozenset[int]:
    """Return the extensions of a token's mint."""
    return EXTENSIONS[spec.kind] | ({NON_TRANSFERABLE} if spec.transfer == "soulbound" else set())


AuthorityName = Literal["mint", "delegate", "metadata", "group", "metadata pointer", "group pointer", "member pointer"]
_AUTHORITIES: dict[AuthorityName, int] = {
    "metadata": METADATA,
    "group": GROUP,
    "metadata pointer": METADATA_POINTER,
    "group pointer": GROUP_POINTER,
    "member pointer": MEMBER_POINTER,
}
_ACCOUNT_TYPE_AT = 165
_ACCOUNT_TYPE_MINT = 1
_SUPPLY_AT = 36
_DECIMALS_AT = 44
_INITIALIZED_AT = 45
_FREEZE_AUTHORITY_AT = 46
_AMOUNT_AT = 64
_WORDS_AT = 64  # of the metadata, after its update authority and mint


@dataclass(frozen=True)
class Mint:
    """A decoded mint."""

    supply: int
    decimals: int
    mint_authority: Pubkey | None
    has_freeze_authority: bool
    extensions: dict[int, bytes]

    def pointed_to(self, pointer: int) -> Pubkey | None:
        """Return the address in a pointer extension."""
        body = self.extensions.get(pointer)
        return None if body is None else Pubkey(body[32:64])

    def delegate(self) -> Pubkey | None:
        """Return the permanent delegate."""
        body = self.extensions.get(PERMANENT_DELEGATE)
        return None if body is None else Pubkey(body)

    def authorities(self) -> dict[AuthorityName, Pubkey]:
        """Return the key of each authority that can be handed over."""
        found: dict[AuthorityName, Pubkey | None] = {"mint": self.mint_authority, "delegate": self.delegate()}
        for name, extension in _AUTHORITIES.items():
            body = self.extensions.get(extension)
            found[name] = None if body is None else Pubkey(body[:32])
        return {name: key for name, key in found.items() if key is not None and key != Pubkey.default()}

    def group_authority(self) -> Pubkey | None:
        """Return the key with the authority over the mint's own group."""
        body = self.extensions.get(GROUP)
        return None if body is None else Pubkey(body[:32])

    def metadata_authority(self) -> Pubkey | None:
        """Return the key that may write the metadata."""
        body = self.extensions.get(METADATA)
        return None if body is None else Pubkey(body[:32])

    def group(self) -> Pubkey | None:
        """Return the group that the mint is a member of."""
        body = self.extensions.get(MEMBER)
        return None if body is None else Pubkey(body[32:64])

    def group_sizes(self) -> tuple[int, int] | tuple[None, None]:
        """Return the size and the size limit of the mint's own group."""
        body = self.extensions.get(GROUP)
        if body is None:
            return None, None
        size, max_size = struct.unpack_from("<QQ", body, 64)
        return int(size), int(max_size)

    def words(self) -> tuple[str, str, str] | None:
        """Return name, symbol and uri."""
        body = self.extensions.get(METADATA)
        if body is None:
            return None
        (name, symbol, uri), _ = _texts(body, _WORDS_AT, 3)
        return name, symbol, uri

    def fields(self) -> dict[str, str]:
        """Return the additional fields of the metadata."""
        body = self.extensions.get(METADATA)
        if body is None:
            return {}
        _, at = _texts(body, _WORDS_AT, 3)
        (count,) = struct.unpack_from("<I", body, at)
        found, _ = _texts(body, at + 4, 2 * count)
        return dict(zip(found[::2], found[1::2], strict=True))


def field_bytes(key: str, value: str) -> int:
    """Return the bytes by which an additional field makes the metadata grow."""
    return 8 + len(key.encode()) + len(value.encode())


def _texts(body: bytes, at: int, count: int) -> tuple[list[str], int]:
    """Return texts that stand one after another, each behind its length, and where they end."""
    found = []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", body, at)
        found.append(body[at + 4 : at + 4 + length].decode(errors="replace"))
        at += 4 + length
    return found, at


def mint_of(account: Account | None) -> Mint | None:
    """Decode the mint in an account; None when there is none."""
    return decode_mint(bytes(account.data)) if account is not None and account.owner == TOKEN_2022 else None


def decode_mint(contents: bytes) -> Mint | None:
    """Decode an account's contents; None when they are no initialised mint with extensions."""
    if len(contents) < EXTENSIONS_START or contents[_ACCOUNT_TYPE_AT] != _ACCOUNT_TYPE_MINT:
        return None
    if not contents[_INITIALIZED_AT]:
        return None
    return Mint(
        supply=struct.unpack_from("<Q", contents, _SUPPLY_AT)[0],
        decimals=contents[_DECIMALS_AT],
        mint_authority=Pubkey(contents[4:36]) if any(contents[0:4]) else None,
        has_freeze_authority=any(contents[_FREEZE_AUTHORITY_AT : _FREEZE_AUTHORITY_AT + 4]),
        extensions=_extensions(contents),
    )


def describe(
    address: Pubkey,
    spec: TokenSpec,
    account: Account,
    holder: tuple[str, Account | None],
    delegates: Collection[Pubkey],
) -> TokenState:
    """Return a mint's state and its differences from the spec.

    `holder` is the wallet that should hold the ticket, `delegates` are the keys that may be its permanent delegate.
    """
    mint = mint_of(account)
    if mint is None:
        return TokenState(
            address=str(address),
            supply=0,
            decimals=0,
            owner_address=None,
            group_address=None,
            uri=None,
            problems=("not a Token-2022 mint",),
        )
    held = holds_one(holder[1], address)
    group, words = mint.group(), mint.words()
    size, max_size = mint.group_sizes()
    return TokenState(
        address=str(address),
        supply=mint.supply,
        decimals=mint.decimals,
        owner_address=holder[0] if held else None,
        group_address=None if group is None else str(group),
        group_size=size,
        group_max_size=max_size,
        uri=None if words is None else words[2],
        problems=tuple(problems_of(mint, address, spec, delegates)),
        holding=_holding(mint, held=held) if spec.kind == "ticket" else None,
    )


def _holding(mint: Mint, *, held: bool) -> TokenHolding:
    """Return what the holder of a ticket's token has done with it."""
    if mint.supply == 0:
        return "burnt"
    return "held" if held else "held-elsewhere"


def problems_of(mint: Mint, address: Pubkey, spec: TokenSpec, delegates: Collection[Pubkey]) -> list[str]:
    """Return every difference between a mint and its spec that its holder cannot have made."""
    group, (_, size_max) = mint.group(), mint.group_sizes()
    extras = mint.extensions.keys() ^ extensions_of(spec)
    pointers = {METADATA_POINTER, GROUP_POINTER, MEMBER_POINTER} & EXTENSIONS[spec.kind]
    is_ticket = spec.kind == "ticket"
    checks = {
        f"supply is {mint.supply}": mint.supply > int(is_ticket),
        f"decimals are {mint.decimals}": mint.decimals != 0,
        "it still has a mint authority": mint.mint_authority is not None,
        "it has a freeze authority": mint.has_freeze_authority,
        f"extensions differ: {sorted(extras)}": bool(extras),
        f"group is {group}": (None if group is None else str(group)) != spec.group_address,
        "a pointer does not point to the mint itself": any(mint.pointed_to(one) != address for one in pointers),
        f"permanent delegate is {mint.delegate()}": is_ticket and mint.delegate() not in delegates,
        f"name, symbol and uri are {mint.words()}": mint.words() != (spec.name, spec.symbol, spec.uri),
        f"group size limit is {size_max}": size_max != (None if is_ticket else spec.max_size),
    }
    return [problem for problem, found in checks.items() if found]


def holds_one(account: Account | None, mint: Pubkey) -> bool:
    """Say whether a token account holds exactly one of the mint."""
    if account is None or account.owner != TOKEN_2022 or len(account.data) < _ACCOUNT_TYPE_AT:
        return False
    contents = bytes(account.data)
    return contents[:32] == bytes(mint) and struct.unpack_from("<Q", contents, _AMOUNT_AT)[0] == 1


def _extensions(contents: bytes) -> dict[int, bytes]:
    found, at = {}, EXTENSIONS_START
    while at + EXTENSION_HEADER_BYTES <= len(contents):
        kind, length = struct.unpack_from("<HH", contents, at)
        if kind == 0:
            break
        at += EXTENSION_HEADER_BYTES
        found[kind] = contents[at : at + length]
        at += length
    return found
