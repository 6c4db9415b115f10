"""Field types that several views share."""

from collections.abc import Mapping
from datetime import datetime
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


def part_of(source: object, view: type[V], **own: Any) -> V:
    """Return a view of a document or an object: its own values, and the source's by the same names.

    Moments become text and tuples lists, as JSON has them; lists are copied. Raise TypeError for a value that the view
    does not have, KeyError or AttributeError for one that the source does not have.
    """
    check_fields(view, own)
    read = source.__getitem__ if isinstance(source, Mapping) else source.__getattribute__
    return cast(V, {name: own[name] if name in own else plain(read(name)) for name in view.__annotations__})


def check_fields(view: type, values: Mapping[str, Any]) -> None:
    """Raise TypeError for values that a view does not have."""
    if unknown := values.keys() - view.__annotations__.keys():
        raise TypeError(f"{view.__name__} has no {', '.join(sorted(unknown))}")


def plain(value: Any) -> Any:
    """Return a value as JSON has it: a moment as text, a tuple as a list; lists are copied."""
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, list | tuple) else value


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
