"""Tokens as read from the chain, and the signed transactions that mint them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

TokenKind = Literal["venue", "show", "ticket"]
TokenHolding = Literal["held", "held-elsewhere", "burnt"]
TransferPolicy = Literal["free", "soulbound"]
Whereabouts = Literal["custody", "claimed", "elsewhere"]
Minting = Literal["each", "on_claim"]  # a token for each sold ticket, or for each claimed one


def is_each(minting: Minting) -> bool:
    """Return whether it is the default, which commands and bodies of before leave out."""
    return minting == "each"


class TokenSpec(BaseModel):
    """A Token-2022 mint to be created at an address known beforehand.

    venue: a group (`max_size` shows); show: a group (`max_size` = capacity) and a member of `group_address` (the
    venue); ticket: a member of `group_address` (the show), supply 1, held by `owner_address`; a soulbound one cannot be
    moved by anybody, only burnt. `delegate_address` is the permanent delegate that was signed for it; a rotation may
    have moved it since.
    """

    model_config = ConfigDict(frozen=True)

    kind: TokenKind
    subject_id: str
    name: str
    symbol: str
    uri: str
    group_address: str | None = None
    max_size: int | None = None
    owner_address: str | None = None
    transfer: TransferPolicy = "free"
    delegate_address: str | None = None


class SignedTransaction(BaseModel):
    """A signed transaction (base64), stored as an event before it is sent, so that it can be sent again."""

    model_config = ConfigDict(frozen=True)

    mint_address: str
    signature: str
    wire_base64: str
    last_valid_block_height: int


class TokenState(BaseModel):
    """A mint as read from the chain. `problems` are its differences from its spec, which nobody but us can make.

    Its holder may move a ticket's token or burn it: `holding` says so, and is no problem; a group has none.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    supply: int
    decimals: int
    owner_address: str | None
    group_address: str | None
    group_size: int | None = None
    group_max_size: int | None = None
    uri: str | None
    problems: tuple[str, ...] = ()
    holding: TokenHolding | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is the token that was signed for, and still exists, whoever holds it."""
        return not self.problems and self.holding in {"held", "held-elsewhere"}


TransactionFate = Literal["unknown", "processed", "confirmed", "finalized", "failed"]
