"""Build the instructions that make a token from its spec, compute its size, and compile the message."""

import base64
import hmac
from typing import NamedTuple, TypeVar

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from adapters.solana import instructions as make
from adapters.solana.mint_layout import (
    DELEGATE_BYTES,
    EXTENSION_HEADER_BYTES,
    EXTENSIONS_START,
    GROUP,
    GROUP_BYTES,
    GROUP_POINTER,
    MEMBER,
    MEMBER_BYTES,
    MEMBER_POINTER,
    METADATA_POINTER,
    NON_TRANSFERABLE,
    PERMANENT_DELEGATE,
    POINTER_BYTES,
    extensions_of,
)
from domain.core.errors import WrongState
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TransferPolicy

_T = TypeVar("_T")

PACKET_BYTES_MAX = 1_232
_SEED_CHARACTERS = 22
_PRICE_TAG = bytes([3])
HOLDER_ACCOUNT_BYTES = 174  # of a soulbound token; four fewer of any other
_BUDGET_INSTRUCTIONS = 2
ALLOCATE_AT = _BUDGET_INSTRUCTIONS + 1
_OWNER_AT = 2  # of the accounts of the instruction that makes the owner's token account
_GROUP_AT = 3  # of those of the instruction that makes a member
_FIXED_BYTES = {
    METADATA_POINTER: POINTER_BYTES,
    GROUP_POINTER: POINTER_BYTES,
    MEMBER_POINTER: POINTER_BYTES,
    PERMANENT_DELEGATE: DELEGATE_BYTES,
    NON_TRANSFERABLE: 0,
}
_GROWN_BYTES = {GROUP: GROUP_BYTES, MEMBER: MEMBER_BYTES}
# Update authority and mint (32 each), the lengths of three words (4 each), and an empty list (4).
_METADATA_FRAME_BYTES = 80


def seed_of(secret: bytes, kind: TokenKind, subject_id: str) -> str:
    """Return the seed of a subject's mint address: stable, and unpredictable without the secret."""
    digest = hmac.new(secret, f"{kind}:{subject_id}".encode(), "sha256").digest()
    return base64.urlsafe_b64encode(digest).decode()[:_SEED_CHARACTERS]


def initial_space(spec: TokenSpec) -> int:
    """Return the bytes to allocate: the extensions that exist before the mint is initialised."""
    fixed = [size for kind, size in _FIXED_BYTES.items() if kind in extensions_of(spec)]
    return EXTENSIONS_START + sum(EXTENSION_HEADER_BYTES + size for size in fixed)


def final_space(spec: TokenSpec) -> int:
    """Return the bytes of the finished account, for which it must hold the rent."""
    grown = [size for kind, size in _GROWN_BYTES.items() if kind in extensions_of(spec)]
    words = sum(len(word.encode()) for word in (spec.name, spec.symbol, spec.uri))
    metadata = EXTENSION_HEADER_BYTES + _METADATA_FRAME_BYTES + words
    return initial_space(spec) + metadata + sum(EXTENSION_HEADER_BYTES + size for size in grown)


class Authority(NamedTuple):
    """Our keys in a mint: who pays, who keeps its authorities, its delegate, and the authority over its group."""

    payer: Pubkey
    issuer: Pubkey
    delegate: Pubkey
    over_group: Pubkey


def token_instructions(spec: TokenSpec, ours: Authority, seed: str, owner: Pubkey, rent: int) -> list[Instruction]:
    """Return the instructions that make the whole token in one transaction, without the compute budget."""
    issuer = ours.issuer
    mint = Pubkey.create_with_seed(issuer, seed, make.TOKEN_2022)
    extensions = extensions_of(spec)
    made = make.place_account(ours.payer, issuer, mint, (seed, rent, initial_space(spec)))
    made.append(make.point_metadata(mint, issuer))
    if GROUP in extensions:
        made.append(make.point_group(mint, issuer))
    if MEMBER in extensions:
        made.append(make.point_member(mint, issuer))
    if PERMANENT_DELEGATE in extensions:
        made.append(make.set_permanent_delegate(mint, ours.delegate))
    if NON_TRANSFERABLE in extensions:
        made.append(make.forbid_transfers(mint))
    made.append(make.initialize_mint(mint, issuer))
    made.append(make.initialize_metadata(mint, issuer, (spec.name, spec.symbol, spec.uri)))
    if GROUP in extensions:
        made.append(make.initialize_group(mint, issuer, _needed(spec.max_size, "max_size")))
    if MEMBER in extensions:
        group = Pubkey.from_string(_needed(spec.group_address, "group_address"))
        made.append(make.initialize_member(mint, group, issuer, ours.over_group))
    if spec.kind == "ticket":
        made.append(make.create_associated(ours.payer, owner, mint))
        made.append(make.mint_one(mint, make.associated_account(owner, mint), issuer))
    # Last, because everything above is signed by the mint authority.
    made.append(make.drop_mint_authority(mint, issuer))
    return made


def signed_spec(signed: SignedTransaction) -> TokenSpec:
    """Read back which token a signed mint makes: what it shall be compared with for ever, whatever changes here.

    The bytes do not name the subject, which only decides the address. Of signed bytes that move a token this tells only
    the owner.
    """
    message = VersionedTransaction.from_bytes(base64.b64decode(signed.wire_base64)).message
    keys = message.account_keys
    words, size, group, owner, delegate = ("", "", ""), None, None, None, None
    transfer: TransferPolicy = "free"
    for one in message.instructions:
        program, contents, accounts = keys[one.program_id_index], bytes(one.data), list(one.accounts)
        if program == make.ASSOCIATED_TOKEN:
            owner = str(keys[accounts[_OWNER_AT]])
        elif program == make.TOKEN_2022:
            words, size = make.signed_words(contents) or words, make.signed_size(contents) or size
            group = str(keys[accounts[_GROUP_AT]]) if make.is_membership(contents) else group
            transfer = "soulbound" if make.is_soulbinding(contents) else transfer
            delegate = make.signed_delegate(contents) or delegate
    kind: TokenKind = "ticket" if owner else "show" if group else "venue"
    name, symbol, uri = words
    return TokenSpec(
        kind=kind,
        subject_id="",
        name=name,
        symbol=symbol,
        uri=uri,
        group_address=group,
        max_size=size,
        owner_address=owner,
        transfer=transfer,
        delegate_address=delegate,
    )


def signed_price(signed: SignedTransaction) -> int:
    """Read back what signed bytes offer for a compute unit, in micro-lamports."""
    message = VersionedTransaction.from_bytes(base64.b64decode(signed.wire_base64)).message
    for one in message.instructions:
        contents = bytes(one.data)
        if message.account_keys[one.program_id_index] == COMPUTE_BUDGET and contents[:1] == _PRICE_TAG:
            return int.from_bytes(contents[1:], "little")
    return 0


def compile_message(
    payer: Pubkey, instructions: list[Instruction], blockhash: Hash, budget: tuple[int, int]
) -> MessageV0:
    """Compile with a budget of (compute units, micro-lamports per unit).

    Raise WrongState when the signed transaction would exceed one packet.
    """
    units, price = budget
    whole = [set_compute_unit_limit(units), set_compute_unit_price(price), *instructions]
    message = MessageV0.try_compile(payer, whole, [], blockhash)
    signers = message.header.num_required_signatures
    size = 1 + signers * Signature.LENGTH + len(to_bytes_versioned(message))
    if size > PACKET_BYTES_MAX:
        raise WrongState(f"the token does not fit one transaction: {size} of {PACKET_BYTES_MAX} bytes", bytes=size)
    return message


def _needed(value: _T | None, name: str) -> _T:
    if value is None:
        raise WrongState(f"the token's spec lacks {name}")
    return value
