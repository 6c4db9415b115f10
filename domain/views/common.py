"""Field types that several views share."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from typing_extensions import TypedDict

from domain.money.money import FeesMode, Tender

V = TypeVar("V")
TokenWord = Literal["none", "signed", "minted", "burnt"]


class TokenFields(TypedDict):
    """The on-chain token of a venue, a show or a ticket."""

    token: TokenWord
    mint_address: str | None
    mint_signature: str | None


def part_of(document: Mapping[str, Any], view: type[V]) -> V:
    """Return the fields of a narrower view of a document."""
    return cast(V, {name: document[name] for name in view.__annotations__})


def no_token() -> TokenFields:
    """Return the fields of a subject without a token."""
    return {"token": "none", "mint_address": None, "mint_signature": None}


class PriceDocument(TypedDict):
    """A price broken down, in minor units of `currency`.

    total = subtotal - discount, plus the fees when they are `on_top`, plus the tax when it is not inclusive.
    """

    currency: str
    subtotal_minor: int
    discount_minor: int
    platform_fee_minor: int
    processing_fee_minor: int
    total_minor: int
    fees: FeesMode
    tax_minor: int
    tax_bps: int
    tax_inclusive: bool
    tender: Tender


ADDED_LATER = {"fees": "on_top", "tax_minor": 0, "tax_bps": 0, "tax_inclusive": False, "tender": "card"}


def price_document(price: Mapping[str, Any]) -> PriceDocument:
    """Return the document of a dumped price; fields added to prices later have their defaults."""
    return part_of({**ADDED_LATER, **price}, PriceDocument)
