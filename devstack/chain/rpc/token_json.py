"""Token mints and token accounts as nodes explain them with the encoding `jsonParsed`, extensions included."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN

from devstack.chain.account_store import TOKEN_2022, holding_of

_PROGRAMS = {TOKEN: "spl-token", TOKEN_2022: "spl-token-2022"}
_MINT_BYTES = 82
_TYPE_AT, _EXTENSIONS_AT = 165, 166
_TYPE_MINT = 1
_STATES = ("uninitialized", "initialized", "frozen")
_KEY_BYTES = 32
_NOBODY = bytes(_KEY_BYTES)


def parsed_token(account: Account, decimals_of_mint: Callable[[Pubkey], int]) -> dict[str, Any] | None:
    """Explain a mint or a token account; None for any other account, which nodes then answer as base64."""
    contents, program = bytes(account.data), _PROGRAMS.get(account.owner)
    if program is None:
        return None
    holding = holding_of(account)
    if holding is not None:
        explained = _account(contents, holding.amount, decimals_of_mint(holding.mint))
    elif len(contents) == _MINT_BYTES or (len(contents) > _TYPE_AT and contents[_TYPE_AT] == _TYPE_MINT):
        explained = _mint(contents)
    else:
        return None
    extensions = list(_extensions(contents))
    if extensions:
        explained["info"]["extensions"] = extensions
    return {"program": program, "parsed": explained, "space": len(contents)}


def amount_json(amount: int, decimals: int) -> dict[str, Any]:
    """Serialise an amount of tokens."""
    whole, part = divmod(amount, 10**decimals)
    text = f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".") if part else str(whole)
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": amount / 10**decimals,
        "uiAmountString": text,
    }


def _mint(contents: bytes) -> dict[str, Any]:
    supply, decimals, initialized = struct.unpack_from("<QB?", contents, 36)
    info = {
        "mintAuthority": _optional(contents, 0),
        "supply": str(supply),
        "decimals": decimals,
        "isInitialized": initialized,
        "freezeAuthority": _optional(contents, 46),
    }
    return {"type": "mint", "info": info}


def _account(contents: bytes, amount: int, decimals: int) -> dict[str, Any]:
    is_native, reserve, delegated = struct.unpack_from("<IQQ", contents, 109)
    delegate = _optional(contents, 72)
    info = {
        "mint": _key(contents),
        "owner": _key(contents, 32),
        "tokenAmount": amount_json(amount, decimals),
        "state": _STATES[contents[108]],
        "isNative": bool(is_native),
        "delegate": delegate,
        "delegatedAmount": amount_json(delegated, decimals) if delegate else None,
        "rentExemptReserve": amount_json(reserve, decimals) if is_native else None,
        "closeAuthority": _optional(contents, 129),
    }
    return {"type": "account", "info": {name: value for name, value in info.items() if value is not None}}


def _extensions(contents: bytes) -> Iterator[dict[str, Any]]:
    at = _EXTENSIONS_AT
    while at + 4 <= len(contents):
        kind, length = struct.unpack_from("<HH", contents, at)
        if kind == 0:
            return
        name, read = _KINDS.get(kind, ("unparseableExtension", None))
        state = None if read is None else read(contents[at + 4 : at + 4 + length])
        yield {"extension": name} if state is None else {"extension": name, "state": state}
        at += 4 + length


def _pointer(name: str) -> Callable[[bytes], dict[str, Any]]:
    return lambda body: {"authority": _known(body), name: _known(body, 32)}


def _metadata(body: bytes) -> dict[str, Any]:
    words, at = [], 2 * _KEY_BYTES
    for _ in range(3):
        word, at = _word(body, at)
        words.append(word)
    (count,), at, more = struct.unpack_from("<I", body, at), at + 4, []
    for _ in range(count):
        name, at = _word(body, at)
        value, at = _word(body, at)
        more.append([name, value])
    names = dict(zip(("name", "symbol", "uri"), words, strict=True))
    return {"updateAuthority": _known(body), "mint": _key(body, 32), **names, "additionalMetadata": more}


def _group(body: bytes) -> dict[str, Any]:
    size, size_max = struct.unpack_from("<QQ", body, 64)
    return {"updateAuthority": _known(body), "mint": _key(body, 32), "size": size, "maxSize": size_max}


def _member(body: bytes) -> dict[str, Any]:
    (number,) = struct.unpack_from("<Q", body, 64)
    return {"mint": _key(body), "group": _key(body, 32), "memberNumber": number}


_KINDS: dict[int, tuple[str, Callable[[bytes], dict[str, Any]] | None]] = {
    3: ("mintCloseAuthority", lambda body: {"closeAuthority": _known(body)}),
    7: ("immutableOwner", None),
    9: ("nonTransferable", None),
    12: ("permanentDelegate", lambda body: {"delegate": _known(body)}),
    13: ("nonTransferableAccount", None),
    18: ("metadataPointer", _pointer("metadataAddress")),
    19: ("tokenMetadata", _metadata),
    20: ("groupPointer", _pointer("groupAddress")),
    21: ("tokenGroup", _group),
    22: ("groupMemberPointer", _pointer("memberAddress")),
    23: ("tokenGroupMember", _member),
}


def _word(body: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", body, at)
    return body[at + 4 : at + 4 + length].decode(errors="replace"), at + 4 + length


def _key(body: bytes, at: int = 0) -> str:
    return str(Pubkey(body[at : at + _KEY_BYTES]))


def _known(body: bytes, at: int = 0) -> str | None:
    """Return an address that may be absent, which is written as zeros."""
    return None if body[at : at + _KEY_BYTES] == _NOBODY else _key(body, at)


def _optional(contents: bytes, at: int) -> str | None:
    """Return an address that may be absent, with a tag before it."""
    return _key(contents, at + 4) if contents[at] else None
