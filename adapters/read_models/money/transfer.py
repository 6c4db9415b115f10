"""The folds of a purchase's transfer of the venue's share, of its reversals, and of payouts to banks."""

from functools import partial

from adapters.read_models.catalog import EventText, Fold, changes, identity_of, opens, sets, time_of
from adapters.read_models.documents import PAYOUTS, PURCHASES, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.payouts.payee import ShortfallNetted
from domain.payouts.payout import PayoutPaid, PayoutReturned
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)
from domain.views.common import part_of
from domain.views.purchase import TransferDocument

TRANSFER_TEXTS: dict[type[DomainEvent], EventText] = {
    TransferRequested: lambda event, money: f"Transfer to the venue requested: {money(event.amount_minor)}.",
    TransferRequestedAgain: lambda *_: "Transfer to the venue requested again.",
    TransferMade: lambda *_: "Transfer to the venue's Stripe account made.",
    TransferRefused: lambda event, _: f"Transfer to the venue refused: {event.reason}.",
    ReversalRequested: lambda event, money: f"Reversal requested: {money(event.amount_minor)}.",
    TransferReversed: lambda *_: "Transfer reversed.",
    ReversalRefused: lambda event, _: f"Reversal refused: {event.reason}. The venue owes the amount.",
}


def _transfer_of(documents: DocumentBatch, event: DomainEvent) -> TransferDocument | None:
    purchase = documents.edit(PURCHASES, identity_of(event))
    return purchase["transfer"] if purchase else None


def _reversal_requested(documents: DocumentBatch, event: ReversalRequested, _: int) -> None:
    if transfer := _transfer_of(documents, event):
        transfer["asked_back"][event.key] = event.amount_minor


def _reversed(documents: DocumentBatch, event: TransferReversed, _: int) -> None:
    if transfer := _transfer_of(documents, event):
        transfer["reversed_minor"] += transfer["asked_back"].pop(event.key)


def _netted(documents: DocumentBatch, event: ShortfallNetted, _: int) -> None:
    """Remember what of an order's share paid the venue's earlier debts; its key names the purchase."""
    if purchase := documents.edit(PURCHASES, event.key.partition(":")[0]):
        purchase["netted_minor"] = event.amount_minor


def _begun(event: TransferRequested) -> TransferDocument:
    return part_of(event, TransferDocument, state="requested", reversed_minor=0, transfer_id=None, asked_back={})


_sets = partial(changes, _transfer_of, TransferDocument)
TRANSFER_FOLDS: dict[type[DomainEvent], Fold] = {
    TransferRequested: sets(PURCHASES, transfer=_begun),
    TransferRequestedAgain: _sets(state="requested"),
    TransferMade: _sets(state="made", transfer_id=lambda event: event.transfer_id or None),
    TransferRefused: _sets(state="refused"),
    ReversalRequested: _reversal_requested,
    TransferReversed: _reversed,
    ShortfallNetted: _netted,
    PayoutPaid: opens(PAYOUTS, payout_id=identity_of, state="paid", paid_at=time_of, failure=None),
    PayoutReturned: sets(PAYOUTS, "failure", state="returned"),
}
