"""The folds of a purchase's transfer: the venue's share on its way to the venue's account, and back."""

from collections.abc import Callable
from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)

TRANSFER_TEXTS: dict[type[DomainEvent], Callable[[Any], str]] = {
    TransferRequested: lambda event: f"The venue's share is due: {event.amount_minor} minor units.",
    TransferRequestedAgain: lambda _: "The venue's share is sent once more.",
    TransferMade: lambda _: "The venue's share lies in its account at Stripe.",
    TransferRefused: lambda event: f"The venue's share could not be sent yet: {event.reason}.",
    ReversalRequested: lambda event: f"{event.amount_minor} minor units are to come back from the venue.",
    TransferReversed: lambda _: "They came back from the venue.",
    ReversalRefused: lambda event: f"The venue's account did not have them ({event.reason}): the venue owes them.",
}


def _transfer_requested(documents: DocumentBatch, event: TransferRequested, _: int) -> None:
    shown = {"state": "requested", "amount_minor": event.amount_minor, "reversed_minor": 0, "transfer_id": None}
    documents.edit("purchases", identity_of(event))["transfer"] = shown


def _transfer(state: str) -> Fold:
    def apply(documents: DocumentBatch, event: Any, _: int) -> None:
        transfer = documents.edit("purchases", identity_of(event)).setdefault("transfer", {})
        transfer["state"] = state
        if isinstance(event, TransferMade):
            transfer["transfer_id"] = event.transfer_id or None

    return apply


def _reversal_requested(documents: DocumentBatch, event: ReversalRequested, _: int) -> None:
    transfer = documents.edit("purchases", identity_of(event)).setdefault("transfer", {})
    transfer.setdefault("asked_back", {})[event.key] = event.amount_minor


def _reversed(documents: DocumentBatch, event: TransferReversed, _: int) -> None:
    transfer = documents.edit("purchases", identity_of(event)).setdefault("transfer", {})
    transfer["reversed_minor"] = transfer.get("reversed_minor", 0) + transfer["asked_back"].pop(event.key)


TRANSFER_FOLDS: dict[type[DomainEvent], Fold] = {
    TransferRequested: _transfer_requested,
    TransferRequestedAgain: _transfer("requested"),
    TransferMade: _transfer("made"),
    TransferRefused: _transfer("refused"),
    ReversalRequested: _reversal_requested,
    TransferReversed: _reversed,
}
