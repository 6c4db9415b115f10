"""The folds of a purchase's transfer: the venue's share on its way to the venue's account, and back."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Sheets
from domain.core.aggregate import Fact
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)

TRANSFER_TEXTS: dict[type[Fact], Callable[[Any], str]] = {
    TransferRequested: lambda fact: f"The venue's share is due: {fact.amount_minor} minor units.",
    TransferRequestedAgain: lambda _: "The venue's share is sent once more.",
    TransferMade: lambda _: "The venue's share lies in its account at Stripe.",
    TransferRefused: lambda fact: f"The venue's share could not be sent yet: {fact.reason}.",
    ReversalRequested: lambda fact: f"{fact.amount_minor} minor units are to come back from the venue.",
    TransferReversed: lambda _: "They came back from the venue.",
    ReversalRefused: lambda fact: f"The venue's account did not have them ({fact.reason}): the venue owes them.",
}


def _transfer_requested(sheets: Sheets, fact: TransferRequested, _: int) -> None:
    shown = {"state": "requested", "amount_minor": fact.amount_minor, "reversed_minor": 0, "transfer_id": None}
    sheets.edit("purchases", identity_of(fact))["transfer"] = shown


def _transfer(state: str) -> Fold:
    def apply(sheets: Sheets, fact: Any, _: int) -> None:
        transfer = sheets.edit("purchases", identity_of(fact)).setdefault("transfer", {})
        transfer["state"] = state
        if isinstance(fact, TransferMade):
            transfer["transfer_id"] = fact.transfer_id or None

    return apply


def _reversal_requested(sheets: Sheets, fact: ReversalRequested, _: int) -> None:
    transfer = sheets.edit("purchases", identity_of(fact)).setdefault("transfer", {})
    transfer.setdefault("asked_back", {})[fact.key] = fact.amount_minor


def _reversed(sheets: Sheets, fact: TransferReversed, _: int) -> None:
    transfer = sheets.edit("purchases", identity_of(fact)).setdefault("transfer", {})
    transfer["reversed_minor"] = transfer.get("reversed_minor", 0) + transfer["asked_back"].pop(fact.key)


TRANSFER_FOLDS: dict[type[Fact], Fold] = {
    TransferRequested: _transfer_requested,
    TransferRequestedAgain: _transfer("requested"),
    TransferMade: _transfer("made"),
    TransferRefused: _transfer("refused"),
    ReversalRequested: _reversal_requested,
    TransferReversed: _reversed,
}
